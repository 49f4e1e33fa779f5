// How often the venues' lists of instruments are asked for, and under which channel they are recorded.

export const METADATA_CHANNEL = "instruments";
/** A listing changes a few times a year; a delisting is announced days before. */
export const METADATA_EVERY_MS = 3_600_000;
/** At the start: sizes may depend on it. */
export const METADATA_FIRST_MS = 500;
