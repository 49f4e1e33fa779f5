// The lint rule behind zones.mjs: reads each import of a file in src and says which line of the design it would cross.
// Works on paths alone, so it needs no resolver and judges a file that does not exist yet the same way.
import { isBuiltin } from "node:module";
import { posix, relative, sep } from "node:path";
import { ENGINE, ENTRY_FOLDERS, PACKAGES, PURE_FILES, SIBLING_EXCEPTIONS, TEST_FILE } from "./zones.mjs";

/** `src/main/replay/player.ts` → { layer: "main", folder: "replay" }; a loose file of src/main has no folder. */
function placeOf(path) {
  const [top, layer, third, ...rest] = path.split("/");
  if (top !== "src" || layer === undefined) return undefined;
  return { layer, folder: layer === "main" && rest.length > 0 ? third : undefined };
}

function packageOf(specifier) {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function isWithin(path, places) {
  return places.some((place) => (place.endsWith("/") ? path.startsWith(place) : path === place));
}

// `path.matchesGlob` of Node 20 prints a warning; these patterns need no more than * and a final **.
const PURE_PATHS = PURE_FILES.map((glob) => new RegExp(`^${glob.replace(/\*+/g, (stars) => (stars === "*" ? "[^/]*" : ".*"))}$`));

function isPure(path) {
  return PURE_PATHS.some((pattern) => pattern.test(path));
}

function packageProblem(path, specifier, isTest) {
  const name = packageOf(specifier);
  if (isTest && name !== "electron") return undefined;
  const places = PACKAGES[name];
  if (places === undefined) return `no folder owns the package ${name}: give it one in build/lint/zones.mjs`;
  if (!isWithin(path, places)) return `${name} is imported by ${places.join(", ")} only`;
  return undefined;
}

function siblingProblem(from, to, isTypeOnly) {
  const { values = [], types = [] } = SIBLING_EXCEPTIONS[from] ?? {};
  if (from === to || values.includes(to)) return undefined;
  if (types.includes(to)) return isTypeOnly ? undefined : `src/main/${from} may import types of src/main/${to}, no values`;
  return `src/main/${from} may not import ${to === undefined ? "an entry file of src/main" : `src/main/${to}`}`;
}

function mainProblem(from, to, isTypeOnly) {
  if (to === "workers") return "workers are entries: a worker is started, never imported";
  if (from === undefined || ENTRY_FOLDERS.includes(from) || from === to) return undefined;
  if (from !== ENGINE) return siblingProblem(from, to, isTypeOnly);
  if (to === undefined || ENTRY_FOLDERS.includes(to)) return "the engine may not import what starts it";
  return undefined;
}

function directionProblem(path, target, isTypeOnly) {
  const from = placeOf(path);
  const to = placeOf(target);
  if (from === undefined) return undefined;
  if (to === undefined) return target.startsWith("schemas/") || target.startsWith("assets/") ? undefined : `${target} is outside src`;
  if (to.layer === "shared") return undefined;
  if (from.layer === "shared") return "shared imports nothing but shared";
  if (from.layer !== to.layer) return "main and renderer meet only in src/shared";
  return from.layer === "main" ? mainProblem(from.folder, to.folder, isTypeOnly) : undefined;
}

/** The reason why `path` may not import `specifier`, or undefined when it may. Paths are relative, with slashes. */
export function importProblem({ path, specifier, isTypeOnly = false }) {
  const isTest = TEST_FILE.test(path);
  const bare = specifier.replace(/\?.*$/, "");
  if (isBuiltin(bare)) {
    if (isTest) return undefined;
    if (isPure(path)) return "pure code may not import a Node module";
    return path.startsWith("src/renderer/") ? "the renderer may not import a Node module" : undefined;
  }
  if (!bare.startsWith(".")) return packageProblem(path, bare, isTest);
  if (posix.extname(bare) === "") return "write the file's extension";
  if (isTest) return undefined;
  const target = posix.join(posix.dirname(path), bare);
  if (TEST_FILE.test(target)) return "only tests may import a test file";
  return directionProblem(path, target, isTypeOnly);
}

function isTypeOnlyImport(node) {
  if (node.type === "TSImportType") return true;
  return node.importKind === "type" || node.exportKind === "type";
}

export const importDirections = {
  meta: { type: "problem", schema: [], messages: { crossed: "{{reason}}" } },
  create(context) {
    const path = relative(context.cwd, context.filename).split(sep).join("/");
    function check(node) {
      const specifier = node.source?.value ?? node.argument?.literal?.value;
      if (typeof specifier !== "string") return;
      const reason = importProblem({ path, specifier, isTypeOnly: isTypeOnlyImport(node) });
      if (reason !== undefined) context.report({ node, messageId: "crossed", data: { reason } });
    }
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      TSImportType: check,
    };
  },
};

export const noBarrel = {
  meta: { type: "suggestion", schema: [], messages: { barrel: "a file that only re-exports hides where things live" } },
  create(context) {
    return {
      Program(program) {
        const isReExport = (node) =>
          node.type === "ExportAllDeclaration" || (node.type === "ExportNamedDeclaration" && !node.declaration);
        const others = program.body.filter((node) => node.type !== "ImportDeclaration" && !isReExport(node));
        const exported = program.body.filter(isReExport).filter((node) => node.source || node.specifiers.length > 0);
        if (exported.length > 0 && others.length === 0) context.report({ node: program, messageId: "barrel" });
      },
    };
  },
};
