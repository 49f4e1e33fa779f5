// Owns how well an action fits what a person typed into the palette: its own words before its keywords, their beginnings before the rest. Pure.

const wordsOf = (text: string): readonly string[] => text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");

/** One typed word against one list of words: a whole word 3, its beginning 2, anywhere in it 1, else 0. */
function fit(typed: string, words: readonly string[]): number {
  return Math.max(0, ...words.map((word) => (word === typed ? 3 : word.startsWith(typed) ? 2 : word.includes(typed) ? 1 : 0)));
}

/** 0 … 1 for cmdk; 0 hides. Every typed word must fit somewhere. */
export function actionScore(title: string, search: string, keywords: readonly string[] = []): number {
  const typed = wordsOf(search);
  if (typed.length === 0) return 1;
  const [own, others] = [wordsOf(title), keywords.flatMap(wordsOf)];
  let total = 0;
  for (const [index, word] of typed.entries()) {
    const [inTitle, inKeywords] = [fit(word, own), fit(word, others)];
    if (inTitle === 0 && inKeywords === 0) return 0;
    // The title's first word is what the action is called.
    const isFirst = index === 0 && (own[0]?.startsWith(word) ?? false);
    total += Math.max(inTitle * 2 + (isFirst ? 2 : 0), inKeywords);
  }
  return total / (typed.length * 8);
}
