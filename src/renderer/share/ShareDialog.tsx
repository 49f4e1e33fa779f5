// Owns the dialog about sharing: where this machine serves its recording, who listens and how far behind, which keys may come in.
import { useState, type FormEvent, type ReactElement } from "react";
import { useStore } from "zustand";
import type { ShareStatus } from "../../shared/protocol/frames.ts";
import { faultOf } from "../engine/client.ts";
import { command, engine } from "../engine/session.ts";
import { bytes, count, duration, plural, rate } from "../format/numbers.ts";
import { CopyButton } from "../panels/CopyButton.tsx";
import { Dialog } from "../panels/Dialog.tsx";
import { Field } from "../panels/Field.tsx";
import { addressTrouble, completedAddress, isLoopback } from "../remote/form.ts";
import { bridgeHistory, shareCurve } from "../remote/history.ts";
import { Sparkline } from "../remote/Sparkline.tsx";
import { engineStore } from "../store/engine-state.ts";
import { screenStore } from "../store/screen.ts";
import { OwnKey } from "./OwnKey.tsx";
import { TrustedKeys } from "./TrustedKeys.tsx";

const LAG_FLOOR_MS = 20;
const NO_SAMPLES: readonly undefined[] = [];

function StartForm({ status }: { readonly status: ShareStatus | undefined }): ReactElement {
  const pub = useStore(screenStore, (state) => state.sharePub);
  const rpc = useStore(screenStore, (state) => state.shareRpc);
  const recording = useStore(engineStore, (state) => state.recording?.state);
  const [isStarting, setStarting] = useState(false);
  const [isChecked, setChecked] = useState(false);
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  const pubTrouble = addressTrouble(pub, { isAnyPort: true });
  const sameTrouble = completedAddress(pub) === completedAddress(rpc) && !pub.endsWith("*") ? "The feed has this address already: requests need another port" : undefined;
  const rpcTrouble = addressTrouble(rpc, { isAnyPort: true }) ?? sameTrouble;
  const hint = (address: string): string => (isLoopback(address) ? "This machine only" : "Beyond this machine: clients need a key that is trusted below");
  const start = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setChecked(true);
    if (pubTrouble !== undefined || rpcTrouble !== undefined) return;
    setStarting(true);
    setTrouble(undefined);
    try {
      // What failed still holds its place until it is stopped.
      if (status?.state === "failed") await engine().call("share.stop", {});
      await engine().call("share.start", { pub: completedAddress(pub), rpc: completedAddress(rpc) });
    } catch (error) {
      setTrouble(faultOf(error).message);
    }
    setStarting(false);
  };
  const said = trouble ?? status?.fault?.message;
  return (
    <form className="share-form" onSubmit={(event) => void start(event)} noValidate>
      <div className="two">
        <Field title="Live feed (pub)" isFirst testId="share-pub" value={pub} onChange={(sharePub) => screenStore.setState({ sharePub })} trouble={isChecked ? pubTrouble : undefined} hint={hint(pub)} isMono />
        <Field title="Requests (rpc)" testId="share-rpc" value={rpc} onChange={(shareRpc) => screenStore.setState({ shareRpc })} trouble={isChecked ? rpcTrouble : undefined} hint={hint(rpc)} isMono />
      </div>
      {said !== undefined && <p className="tone-trouble" role="alert" data-testid="share-trouble">{said}</p>}
      <div className="row">
        <span className="grow dim">{recording === "recording" ? "What is being recorded is served: its candles, corrections, grades and gaps." : "Nothing is being recorded: start recording first, then it can be shared."}</span>
        <button type="submit" className="small primary" data-testid="share-start" disabled={isStarting || status?.state === "starting"}>{isStarting || status?.state === "starting" ? "Starting…" : "Start sharing"}</button>
      </div>
    </form>
  );
}

function Address({ name, address, testId }: { readonly name: string; readonly address: string | undefined; readonly testId: string }): ReactElement {
  return <div className="row"><span className="dim share-name">{name}</span><code className="grow clip" data-testid={testId}>{address ?? "…"}</code>{address !== undefined && <CopyButton text={address} name={`the address of ${name}`} />}</div>;
}

function Serving({ status }: { readonly status: ShareStatus }): ReactElement {
  return (
    <>
      <div className="row">
        <span className="grow tone-live" data-testid="share-state"><span aria-hidden="true">● </span>Serving {plural(status.clients.length, "client")}</span>
        <span className={`tag ${status.secured ? "tag-live" : ""}`} data-testid="share-secured">{status.secured ? "SECURED BY KEYS" : "NOT SECURED · this machine only"}</span>
        <button type="button" className="small" data-testid="share-stop" onClick={() => void command("share.stop", {})}>Stop sharing</button>
      </div>
      <Address name="requests (rpc)" address={status.rpc} testId="share-rpc-bound" />
      <Address name="live feed (pub)" address={status.pub} testId="share-pub-bound" />
    </>
  );
}

function Clients({ status }: { readonly status: ShareStatus }): ReactElement {
  if (status.clients.length === 0) return <p className="empty">No client has asked for anything yet. Add the address above as a remote source on another Tapedeck.</p>;
  return (
    <table className="figures num" data-testid="share-clients">
      <thead><tr><th scope="col">Client</th><th scope="col">Behind</th><th scope="col">Requests</th><th scope="col">Refused</th><th scope="col" title="How often it was told to start anew, because it was too far behind">Told to resync</th></tr></thead>
      <tbody>{status.clients.map((client) => (
        <tr key={client.id}>
          <th scope="row" className="clip">{client.id}</th>
          <td className={client.behind > 0 ? "tone-warn" : ""}>{count(client.behind)}</td><td>{count(client.requests)}</td><td className={client.refused > 0 ? "tone-warn" : ""}>{count(client.refused)}</td><td>{count(client.resyncsAdvised)}</td>
        </tr>
      ))}</tbody>
    </table>
  );
}

/** A stream of one-minute bars has a rate too: below a tenth per second it is told by the minute. */
function perTime(perSecond: number): string {
  return perSecond > 0 && perSecond < 0.1 ? `${(perSecond * 60).toFixed(1)}/min` : `${rate(perSecond)}/s`;
}

function Streams({ status }: { readonly status: ShareStatus }): ReactElement {
  const curves = useStore(bridgeHistory, (state) => state.curves);
  if (status.streams.length === 0) return <p className="empty">Streams appear with their first bar.</p>;
  return (
    <table className="figures num" data-testid="share-streams">
      <thead><tr><th scope="col">Stream</th><th scope="col">Sequence</th><th scope="col">Rate</th><th scope="col" title="Forming bars replaced by a newer one before they were sent">Conflated</th><th scope="col" title="From knowing a bar to publishing it">Lag</th><th scope="col"><span className="for-readers">Lag over time</span></th></tr></thead>
      <tbody>{status.streams.map((stream) => (
        <tr key={shareCurve(stream)}>
          <th scope="row" className="clip">{stream.symbol} <span className="dim">{stream.interval} · {stream.venue}</span></th>
          <td>#{count(stream.latestSequence)}</td><td>{perTime(stream.rate)}</td><td>{count(stream.conflated)}</td><td>{stream.lagMs === undefined ? "–" : duration(Math.max(0, stream.lagMs))}</td>
          <td className="figures-curve"><Sparkline samples={curves.get(shareCurve(stream)) ?? NO_SAMPLES} name={`Lag of ${stream.symbol} ${stream.interval}`} floor={LAG_FLOOR_MS} /></td>
        </tr>
      ))}</tbody>
    </table>
  );
}

function Counters({ status }: { readonly status: ShareStatus }): ReactElement {
  return (
    <p className="row num share-counters" data-testid="share-counters">
      <span className={status.malformed > 0 ? "tone-warn" : "dim"}>{count(status.malformed)} malformed</span>
      <span className={status.oversized > 0 ? "tone-warn" : "dim"}>{count(status.oversized)} oversized</span>
      <span className="dim">{bytes(status.backfillBytes)} backfilled</span>
    </p>
  );
}

export function ShareDialog(): ReactElement {
  const status = useStore(engineStore, (state) => state.share);
  const isServing = status?.state === "serving";
  return (
    <Dialog name="share" title="Share this machine's feed" testId="share-dialog" isSticky>
      <div className="form">
        {isServing ? <Serving status={status} /> : <StartForm status={status} />}
        {isServing && (
          <>
            <section aria-label="Clients"><h3>Clients</h3><Clients status={status} /></section>
            <section aria-label="Health"><h3>Streams</h3><Streams status={status} /><Counters status={status} /></section>
          </>
        )}
        <section aria-label="Keys">
          <h3>Keys</h3>
          <OwnKey hint="Clients paste it as the server's public key" />
          <TrustedKeys />
        </section>
      </div>
    </Dialog>
  );
}
