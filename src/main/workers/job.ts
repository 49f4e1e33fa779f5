// Thread entry: one long job (import, verify or export), with progress, that ends when it is done or cancelled.
import { join } from "node:path";
import { workerData } from "node:worker_threads";
import { FaultError, fault } from "../../shared/base.ts";
import { VERSION } from "../version.ts";
import { exportFiles, exportSentence } from "../engine/export-files.ts";
import { importFiles } from "../engine/import-files.ts";
import { serveThread } from "../engine/thread.ts";
import type { ExportJob, ImportJob, JobCall, JobData, JobNote, JobResult, VerifyJob } from "../engine/thread-messages.ts";
import { verificationSentence, verifyFolder } from "../engine/verify-folder.ts";
import { NodeClock } from "../net/node-clock.ts";

const NOTE_EVERY_MS = 100;

const data = workerData as JobData;
const stopping = new AbortController();
let saidMs = 0;

function progress(note: Omit<JobNote, "type">): void {
  const now = performance.now();
  if (now - saidMs < NOTE_EVERY_MS) return;
  saidMs = now;
  thread.note({ type: "progress", ...note });
}

async function runImport(job: ImportJob): Promise<JobResult> {
  const done = await importFiles({
    capturesFolder: join(job.dataFolder, "captures"), captureId: job.captureId, venue: job.venue, format: job.format, fold: job.fold, files: job.files,
    version: VERSION, clock: new NodeClock(), stop: stopping.signal,
    onProgress: ({ phase, bytesRead, bytesTotal }) => {
      progress({ done: bytesRead, total: bytesTotal, unit: phase === "derive" ? "messages derived" : phase === "write" ? "bytes written" : "bytes read" });
    },
  });
  return {
    summary: `${done.messages} messages, ${done.gaps} gaps, ${done.unhandled} unhandled, ${done.quarantined} quarantined`, captureId: done.captureId, proof: undefined,
  };
}

async function runVerify(job: VerifyJob): Promise<JobResult> {
  const verification = await verifyFolder({
    captureFolder: job.captureFolder, stop: stopping.signal,
    onProgress: ({ phase, done, total }) => { progress({ done, total, unit: phase === "log" ? "bytes checked" : "events derived" }); },
  });
  return { summary: verificationSentence(verification), captureId: job.captureFolder.split(/[\\/]/).at(-1), proof: verification.result };
}

async function runExport(job: ExportJob): Promise<JobResult> {
  const done = await exportFiles({
    captureId: job.captureId, captureFolder: job.captureFolder, to: job.to, access: {}, clock: new NodeClock(), stop: stopping.signal,
    compact: async () => job.compactedSeq ?? 0, onProgress: progress,
  });
  return { summary: exportSentence(done), captureId: job.captureId, proof: undefined };
}

async function run(): Promise<JobResult> {
  try {
    switch (data.kind) {
      case "import":
        return await runImport(data);
      case "verify":
        return await runVerify(data);
      case "export":
        return await runExport(data);
    }
  } catch (error) {
    if (stopping.signal.aborted && error instanceof FaultError) throw fault("job.cancelled", data.kind === "export" ? "Cancelled; what arrived stays, and the next export goes on from there" : "Cancelled; nothing was kept");
    throw error;
  }
}

const thread = serveThread<JobCall, never, JobNote>({
  async onCall(call) {
    if (call.type === "cancel") {
      stopping.abort();
      return { value: undefined };
    }
    return { value: await run() };
  },
  onNote: () => undefined,
});
