// Owns the list of raw messages behind a bar: read page by page, only the visible rows are on screen, one opened to its bytes.
import { useEffect, useRef, useState, type ReactElement } from "react";
import { useStore } from "zustand";
import { useVirtualizer } from "@tanstack/react-virtual";
import type { ProvenanceRun } from "../../shared/candles.ts";
import type { RawMessage } from "../../shared/protocol/frames.ts";
import { engine } from "../engine/session.ts";
import { faultOf } from "../engine/client.ts";
import { bytes, count, shortDigest } from "../format/numbers.ts";
import { utcTime } from "../format/times.ts";
import { engineStore } from "../store/engine-state.ts";
import { bytesOf, hexDump, laidOut, looksLikeJson } from "./payload.ts";

const PAGE = 200;
const ROW_PX = 24;
/** A bar of a busy minute has thousands of messages; beyond this the list says so instead of growing. */
const LISTED_MAX = 20_000;

interface Pages {
  readonly messages: readonly RawMessage[];
  /** Seq to go on from; undefined at the end. */
  readonly nextSeq: number | undefined;
  readonly fault: string | undefined;
  readonly isReading: boolean;
}
const NONE: Pages = { messages: [], nextSeq: undefined, fault: undefined, isReading: false };

function contributes(message: RawMessage, provenance: readonly ProvenanceRun[]): boolean {
  return provenance.some((run) => run.streamId === message.streamId && message.ingestSeq >= run.fromIngestSeq && message.ingestSeq <= run.toIngestSeq);
}

function usePages(captureId: string | undefined, fromSeq: number | undefined, streamId: string | undefined): { readonly pages: Pages; readonly more: () => void } {
  const [pages, setPages] = useState<Pages>(NONE);
  const turn = useRef(0);
  const read = async (seq: number, mine: number): Promise<void> => {
    if (captureId === undefined) return;
    setPages((now) => ({ ...now, isReading: true, nextSeq: undefined }));
    try {
      const page = await engine().call("raw.read", { captureId, fromSeq: seq, limit: PAGE, ...(streamId !== undefined && { streamId }) });
      if (turn.current === mine) setPages((now) => ({ messages: [...now.messages, ...page.messages], nextSeq: page.nextSeq, fault: undefined, isReading: false }));
    } catch (error) {
      if (turn.current === mine) setPages((now) => ({ ...now, fault: faultOf(error).message, isReading: false }));
    }
  };
  useEffect(() => {
    turn.current += 1;
    setPages(NONE);
    if (fromSeq !== undefined) void read(fromSeq, turn.current);
    // `read` is made anew with each render and captures nothing else that changes.
  }, [captureId, fromSeq, streamId]);
  const more = (): void => {
    if (pages.nextSeq !== undefined && !pages.isReading && pages.messages.length < LISTED_MAX) void read(pages.nextSeq, turn.current);
  };
  return { pages, more };
}

export function RawMessages({ fromSeq, provenance }: { readonly fromSeq: number | undefined; readonly provenance: readonly ProvenanceRun[] }): ReactElement {
  const captureId = useStore(engineStore, (state) => state.player?.captureId);
  const [isAllStreams, setAllStreams] = useState(false);
  const [openSeq, setOpenSeq] = useState<number | undefined>(undefined);
  const { pages, more } = usePages(captureId, fromSeq, isAllStreams ? undefined : provenance[0]?.streamId);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: pages.messages.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_PX, overscan: 8 });
  const items = rows.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (lastShown >= pages.messages.length - 20) more();
  }, [lastShown, pages.messages.length]);
  if (fromSeq === undefined) return <p className="empty">No message contributes to this bucket.</p>;
  const opened = pages.messages.find((message) => message.seq === openSeq) ?? pages.messages[0];
  return (
    <div className="raw">
      <label className="row raw-filter"><input type="checkbox" checked={isAllStreams} onChange={(event) => setAllStreams(event.target.checked)} />all streams</label>
      <div ref={scroller} className="raw-list" role="listbox" tabIndex={0} aria-label="Raw messages">
        <div className="raw-space" style={{ height: rows.getTotalSize() }}>
          {items.map((item) => {
            const message = pages.messages[item.index];
            return message === undefined ? undefined : (
              <button
                type="button" key={message.seq} role="option" aria-selected={message === opened} className="raw-row num" data-testid="raw-row" data-seq={message.seq}
                data-contributes={contributes(message, provenance)} style={{ transform: `translateY(${item.start}px)` }} onClick={() => setOpenSeq(message.seq)}
              >
                <span>#{count(message.seq)}</span><span className="tag">{message.source === "rest_backfill" ? "REST" : message.source}</span>
                <span className="grow clip">{message.streamId.split(":").at(-1)}</span>
                <span className="dim">{utcTime(Number(BigInt(message.recvNs) / 1_000_000n))}</span><span className="dim raw-size">{bytes(message.bytes)}</span>
              </button>
            );
          })}
        </div>
      </div>
      {pages.fault !== undefined && <p className="tone-trouble">{pages.fault}</p>}
      {opened !== undefined && <RawMessageView message={opened} />}
    </div>
  );
}

function exactTime(ns: string): string {
  const value = BigInt(ns);
  return `${utcTime(Number(value / 1_000_000n))}${String(value % 1_000_000n).padStart(6, "0")}`;
}

function RawMessageView({ message }: { readonly message: RawMessage }): ReactElement {
  const [isHex, setHex] = useState(false);
  const showsHex = isHex || message.text === undefined;
  const text = message.text ?? "";
  return (
    <div className="raw-message">
      <dl className="numbers">
        <div><dt>seq · ingest_seq</dt><dd className="num">{count(message.seq)} · {count(message.ingestSeq)}</dd></div>
        <div><dt>received</dt><dd className="num">{exactTime(message.recvNs)}</dd></div>
        <div><dt>exchange</dt><dd className="num">{message.eventNs === undefined ? "–" : exactTime(message.eventNs)}</dd></div>
        <div><dt>came by</dt><dd className="clip">{message.source} · {message.connection}</dd></div>
        <div><dt>sha256</dt><dd className="num digest" title={message.sha256}>{shortDigest(message.sha256)}</dd></div>
      </dl>
      <div className="row"><span className="grow dim num" data-testid="raw-size">{count(message.bytes)} bytes{message.truncated ? ", the first 64 KiB shown" : ""}</span>
        <button type="button" className="small" aria-pressed={showsHex} disabled={message.text === undefined} onClick={() => setHex(!isHex)}>{showsHex ? "hex" : "text"}</button></div>
      <pre className="payload num" tabIndex={0} data-testid="raw-bytes" data-seq={message.seq} data-sha256={message.sha256}>{showsHex ? hexDump(bytesOf(message)) : looksLikeJson(text) ? laidOut(text) : text}</pre>
    </div>
  );
}
