// Which programs are asked to show the screen, on which system, and what happens when they do not.
import { describe, expect, it } from "vitest";
import { hasDisplay, openWindow, waysToOpen, type Surroundings } from "./open-window.ts";

function surroundings(wish: Partial<Surroundings> & { readonly files?: readonly string[] }): Surroundings {
  const { files = [], ...given } = wish;
  return { platform: "linux", env: { PATH: "/usr/bin" }, isRoot: false, exists: (file) => files.includes(file), launch: () => Promise.resolve(true), ...given };
}

describe("a display", () => {
  it.each([
    ["linux", {}, false],
    ["linux", { DISPLAY: "" }, false],
    ["linux", { DISPLAY: ":0" }, true],
    ["linux", { WAYLAND_DISPLAY: "wayland-0" }, true],
    ["darwin", {}, true],
    ["win32", {}, true],
  ] as const)("on %s with %j: %s", (platform, env, expected) => {
    expect(hasDisplay({ platform, env })).toBe(expected);
  });
});

describe("ways to open", () => {
  it("prefers an app window, then the system's opener", () => {
    expect(waysToOpen("http://a", surroundings({ files: ["/usr/bin/google-chrome", "/usr/bin/xdg-open"] }))).toEqual([
      { command: "/usr/bin/google-chrome", args: ["--app=http://a"] },
      { command: "/usr/bin/xdg-open", args: ["http://a"] },
    ]);
  });

  it("does without Chromium's sandbox as root only", () => {
    expect(waysToOpen("http://a", surroundings({ isRoot: true, files: ["/usr/bin/chromium"] }))).toEqual([
      { command: "/usr/bin/chromium", args: ["--no-sandbox", "--app=http://a"] },
    ]);
  });

  it("knows where macOS and Windows keep browsers", () => {
    expect(waysToOpen("http://a", surroundings({ platform: "darwin", files: ["/Applications/Google Chrome.app"] }))).toEqual([
      { command: "open", args: ["-na", "Google Chrome", "--args", "--app=http://a"] },
      { command: "open", args: ["http://a"] },
    ]);
    const edge = "C:\\Programs\\Microsoft\\Edge\\Application\\msedge.exe";
    expect(waysToOpen("http://a", surroundings({ platform: "win32", env: { PROGRAMFILES: "C:\\Programs" }, files: [edge] }))).toEqual([
      { command: edge, args: ["--app=http://a"] },
      { command: "cmd", args: ["/c", "start", "", "http://a"] },
    ]);
  });
});

describe("openWindow", () => {
  const files = ["/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/xdg-open"];

  it("goes on to the next way when one does not take it, each with an address of its own", async () => {
    const asked: string[] = [];
    let made = 0;
    const launch = (command: string, args: readonly string[]): Promise<boolean> => {
      asked.push([command, ...args].join(" "));
      return Promise.resolve(command === "/usr/bin/xdg-open");
    };
    expect(await openWindow(() => `http://${(made += 1)}`, surroundings({ files, launch }))).toBe("/usr/bin/xdg-open");
    expect(asked).toEqual(["/usr/bin/chromium --app=http://1", "/usr/bin/google-chrome --app=http://2", "/usr/bin/xdg-open http://3"]);
  });

  it("says so when nothing takes it", async () => {
    expect(await openWindow(() => "http://a", surroundings({ files, launch: () => Promise.resolve(false) }))).toBeUndefined();
    expect(await openWindow(() => "http://a", surroundings({}))).toBeUndefined();
  });
});
