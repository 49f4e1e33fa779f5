// Owns the dialog that adds, tests, changes and removes a remote source. What is wrong stands beside its field.
import { useState, type FormEvent, type ReactElement } from "react";
import { useStore } from "zustand";
import type { RemoteProbe, RemoteStatus } from "../../shared/protocol/frames.ts";
import { faultOf } from "../engine/client.ts";
import { command, engine, openRemote, showThisMachine } from "../engine/session.ts";
import { plural } from "../format/numbers.ts";
import { Dialog } from "../panels/Dialog.tsx";
import { Field } from "../panels/Field.tsx";
import { OwnKey } from "../share/OwnKey.tsx";
import { engineStore } from "../store/engine-state.ts";
import { openDialog, screenStore } from "../store/screen.ts";
import { addToast, addUndo } from "../store/toasts.ts";
import { addressOf, freshRemoteId, isLoopback, remoteTroubles, type RemoteFields, type RemoteInput } from "./form.ts";
import { REMOTE_MODE_WORDS } from "./words.ts";

type Test =
  | { readonly state: "idle" }
  | { readonly state: "running" }
  | { readonly state: "done"; readonly probe: RemoteProbe }
  | { readonly state: "failed"; readonly message: string };

const SYMBOLS_SHOWN = 6;

function fieldsOf(remote: RemoteStatus | undefined): RemoteFields {
  return { name: remote?.name ?? "", rpc: remote?.rpc ?? "tcp://127.0.0.1:5557", pub: remote?.pub ?? "", serverKey: remote?.serverKey ?? "" };
}

export function probeSentence(probe: RemoteProbe): string {
  const offset = `${probe.clockOffsetMs >= 0 ? "+" : "−"}${Math.abs(probe.clockOffsetMs).toFixed(1)} ms`;
  const symbols = probe.symbols.slice(0, SYMBOLS_SHOWN).join(", ");
  const more = probe.symbols.length > SYMBOLS_SHOWN ? ` and ${probe.symbols.length - SYMBOLS_SHOWN} more` : "";
  return `Tapedeck ${probe.serverVersion} · ${REMOTE_MODE_WORDS[probe.mode]} · round trip ${probe.roundTripMs.toFixed(1)} ms · clock ${offset} · ${plural(probe.streams, "stream")}${symbols === "" ? "" : `: ${symbols}${more}`}`;
}

function sentenceOf(test: Test): string {
  switch (test.state) {
    case "idle":
      return "Test asks the address who it is, and changes nothing.";
    case "running":
      return "Asking…";
    case "done":
      return `✓ ${probeSentence(test.probe)}`;
    case "failed":
      return `✕ ${test.message}`;
  }
}

function TestResult({ test }: { readonly test: Test }): ReactElement {
  const tone = test.state === "done" ? "tone-live" : test.state === "failed" ? "tone-trouble" : "dim";
  return <p className={`test-result ${tone}`} role="status" data-testid="remote-test-result" data-state={test.state}>{sentenceOf(test)}</p>;
}

async function forget(remote: RemoteStatus): Promise<void> {
  const { tape } = engineStore.getState();
  if (tape?.kind === "remote" && tape.remoteId === remote.remoteId) await showThisMachine();
  try {
    await engine().call("remote.forget", { remoteId: remote.remoteId });
  } catch (error) {
    addToast(faultOf(error));
    return;
  }
  const { remoteId, name, rpc, pub, serverKey } = remote;
  addUndo(`${name} removed`, () => void command("remote.save", { remote: { remoteId, name, rpc, ...(pub !== undefined && { pub }), ...(serverKey !== undefined && { serverKey }) } }));
}

export function RemoteDialog(): ReactElement {
  const remotes = useStore(engineStore, (state) => state.remotes);
  const editedId = useStore(screenStore, (state) => state.editedRemoteId);
  const edited = remotes.find(({ remoteId }) => remoteId === editedId);
  const [fields, setFields] = useState(() => fieldsOf(edited));
  const [isChecked, setChecked] = useState(false);
  const [test, setTest] = useState<Test>({ state: "idle" });
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  const others = remotes.filter(({ remoteId }) => remoteId !== edited?.remoteId);
  const found = remoteTroubles(fields, others.map(({ name }) => name));
  const shown = isChecked ? found : {};
  const change = (field: keyof RemoteFields) => (value: string): void => {
    setFields((now) => ({ ...now, [field]: value }));
    setTest({ state: "idle" });
    setTrouble(undefined);
  };
  const runTest = async (): Promise<void> => {
    setChecked(true);
    // A name is not needed to ask an address who it is.
    if (found.rpc !== undefined || found.pub !== undefined || found.serverKey !== undefined) return;
    setTest({ state: "running" });
    try {
      setTest({ state: "done", probe: await engine().call("remote.test", addressOf(fields)) });
    } catch (error) {
      setTest({ state: "failed", message: faultOf(error).message });
    }
  };
  const save = async (options: { readonly isOpened: boolean }): Promise<void> => {
    setChecked(true);
    if (Object.keys(found).length > 0) return;
    const remote: RemoteInput = { remoteId: edited?.remoteId ?? freshRemoteId(fields.name, remotes.map(({ remoteId }) => remoteId)), name: fields.name.trim(), ...addressOf(fields) };
    try {
      await engine().call("remote.save", { remote });
    } catch (error) {
      setTrouble(faultOf(error).message);
      return;
    }
    openDialog(undefined);
    if (options.isOpened) await openRemote(remote.remoteId);
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void save({ isOpened: true });
  };
  const keyHint = fields.serverKey.trim() !== "" ? "The connection is secured: only the server that has this key can answer"
    : isLoopback(fields.rpc) ? "Empty for a plain connection on this machine"
    : <>Beyond this machine a Tapedeck lets in trusted keys only; <code>tapedeck keys list</code> there shows its own</>;
  return (
    <Dialog name="remote" title={edited === undefined ? "Add a remote source" : `Remote source ${edited.name}`} testId="remote-dialog" isSticky>
      <form className="form" onSubmit={submit} noValidate>
        <Field title="Name" testId="remote-name" value={fields.name} onChange={change("name")} trouble={shown.name} hint="How the screen calls it" placeholder="Desk" isFirst />
        <Field title="Address for requests (rpc)" testId="remote-rpc" value={fields.rpc} onChange={change("rpc")} trouble={shown.rpc} hint={<><code>tapedeck serve</code> prints it when it starts</>} isMono />
        <Field title="Address of the live feed (pub), optional" testId="remote-pub" value={fields.pub} onChange={change("pub")} trouble={shown.pub} hint="Empty: the server is asked for it" isMono />
        <Field title="The server's public key, optional" testId="remote-key" value={fields.serverKey} onChange={change("serverKey")} trouble={shown.serverKey} hint={keyHint} isMono />
        <OwnKey hint="The server must trust it before this machine may come in" />
        <TestResult test={test} />
        {trouble !== undefined && <p className="tone-trouble" role="alert">{trouble}</p>}
        <div className="row form-buttons">
          <button type="button" className="small" data-testid="remote-test" disabled={test.state === "running"} onClick={() => void runTest()}>Test</button>
          {edited !== undefined && <button type="button" className="small" data-testid="remote-forget" onClick={() => { openDialog(undefined); void forget(edited); }}>Remove</button>}
          <span className="grow" />
          <button type="button" className="small" data-testid="remote-save" onClick={() => void save({ isOpened: false })}>Save</button>
          <button type="submit" className="small primary" data-testid="remote-save-open">Save and open</button>
        </div>
      </form>
    </Dialog>
  );
}
