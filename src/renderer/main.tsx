// The screen's entry: chooses the engine link, starts the session, draws.
import "./no-eval.ts";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./theme/fonts.css";
import "./theme/tokens.css";
import "./theme/base.css";
import "./theme/layout.css";
import "./theme/panels.css";
import "./theme/dock.css";
import type { EngineClient } from "../shared/protocol/frames.ts";
import { faultOf } from "./engine/client.ts";
import { messagePortEngine } from "./engine/message-port.ts";
import { startSession } from "./engine/session.ts";
import { webSocketEngine } from "./engine/web-socket.ts";
import { listenToKeys } from "./keyboard/listen.ts";
import { FailureBoundary } from "./panels/Failure.tsx";
import { Screen } from "./panels/Screen.tsx";
import { startInspector } from "./store/inspector.ts";
import { addNote, addToast } from "./store/toasts.ts";
import { colourScreen } from "./theme/apply.ts";

async function openEngine(): Promise<EngineClient> {
  const onBroken = (error: unknown): void => addToast(faultOf(error));
  // Development only: the condition is false in a build, and the scripted engine is left out of it.
  if (import.meta.env.DEV && new URLSearchParams(location.search).has("scripted")) {
    const { scriptedEngine } = await import("./engine/scripted/scripted.ts");
    return scriptedEngine();
  }
  return window.tapedeck?.shell === "electron" ? messagePortEngine(window, onBroken) : webSocketEngine(location, onBroken);
}

const root = document.getElementById("root");
if (root === null) throw new Error("Invariant: the page has no root element");
colourScreen(document.documentElement);
createRoot(root).render(<StrictMode><FailureBoundary><Screen /></FailureBoundary></StrictMode>);
listenToKeys();
startInspector();
window.tapedeck?.onNotice(addNote);
window.tapedeck?.onNotice((message) => addToast({ code: "shell.notice", message }));
startSession(await openEngine());
