// What a query over a capture answers. Pure types.

export interface QueryTable {
  readonly name: string;
  /** One clause: what a row is. */
  readonly about: string;
  readonly columns: readonly QueryColumn[];
  readonly rows: number | undefined;
}

export interface QueryColumn {
  readonly name: string;
  /** DuckDB's word: BIGINT, DOUBLE, VARCHAR, TIMESTAMP … */
  readonly type: string;
}

/** Integers beyond 2^53, decimals and times travel as text; `null` is SQL's NULL. */
export type QueryValue = string | number | boolean | null;

export interface QueryResult {
  readonly columns: readonly QueryColumn[];
  readonly rows: readonly (readonly QueryValue[])[];
  /** There were more rows than were asked for. */
  readonly truncated: boolean;
  readonly elapsedMs: number;
}
