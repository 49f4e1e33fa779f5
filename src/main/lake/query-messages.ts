// What the main process and the query process say to each other. Structured clone.

export type QueryCall =
  /** → QueryTable[] */
  | { readonly type: "tables"; readonly captureId: string; readonly captureFolder: string }
  /** → QueryResult. `queryId`: the caller's, to cancel it by. */
  | { readonly type: "run"; readonly queryId: string; readonly captureId: string; readonly captureFolder: string; readonly sql: string; readonly rowsMax: number }
  /** The query's call rejects with `query.cancelled`. One that is not running is left alone. */
  | { readonly type: "cancel"; readonly queryId: string }
  | { readonly type: "close" };
