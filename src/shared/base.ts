// The few words every other file is written in: results, faults, assertions, hashing and waiting. Pure.

declare const brand: unique symbol;
/** A value that must not be confused with another of the same primitive type. */
export type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** An expected failure as plain data, so that it survives any thread or process hop. */
export interface Fault {
  /** Dotted, stable: `log.torn-tail`, `feed.rejected`, `import.wrong-format` … */
  readonly code: string;
  /** One line that names what, where and what to do. */
  readonly message: string;
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault };

export function done<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function failed(code: string, message: string, details?: Fault["details"]): { readonly ok: false; readonly fault: Fault } {
  return { ok: false, fault: details === undefined ? { code, message } : { code, message, details } };
}

/** A fault as an exception, for the paths where only the boundary can answer. */
export class FaultError extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.message);
    this.name = "FaultError";
    this.fault = fault;
  }
}

export function fault(code: string, message: string, details?: Fault["details"]): FaultError {
  return new FaultError(failed(code, message, details).fault);
}

/** For what only a bug can break. The world's mistakes are `Fault`s instead. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Invariant: ${message}`);
}

/** Ends a switch over a union: a new member no longer compiles until it is handled. */
export function unreachable(value: never): never {
  throw new Error(`Invariant: unreachable value ${String(value)}`);
}

/** SHA-256 of bytes as 32 bytes. Injected, since pure code may not import a platform's crypto. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** What `AbortSignal` offers, without DOM or Node types. */
export interface StopSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Every source of time enters through these two, passed to constructors. */
export interface Clock {
  /** Wall clock, nanoseconds since the Unix epoch. May step. */
  wallNs(): bigint;
  /** Never goes backwards; arbitrary origin. Milliseconds with fraction. */
  monotonicMs(): number;
}
export interface Timers {
  /** Runs once after the delay; calling the returned function cancels. */
  after(delayMs: number, run: () => void): () => void;
}
/** Seedable randomness in [0, 1). Deriving code never takes one. */
export interface Random {
  next(): number;
}
