// Who drove when, as a band below the scrubber, with a legend of those that did.

import { part } from "./part.js";

const SAYS = { policy: "policy", person: "by hand", replay: "replay", nobody: "nobody" };

export function driveBand({ spans, secs }) {
  if (!spans.length || !secs) return null;
  const root = part("div", "drive-band");
  const band = part("div", "band");
  spans.forEach(({ from, driver, words }, i) => {
    const until = spans[i + 1]?.from ?? secs;
    const piece = part("i");
    piece.dataset.driver = driver;
    piece.title = [SAYS[driver], words].filter(Boolean).join(": ");
    piece.style.flexGrow = Math.max(until - from, 0);
    band.append(piece);
  });
  const legend = part("p", "drivers");
  for (const driver of Object.keys(SAYS).filter((each) => spans.some((span) => span.driver === each))) {
    const name = part("span", "", SAYS[driver]);
    name.dataset.driver = driver;
    legend.append(name);
  }
  const words = [...new Set(spans.map((span) => span.words).filter(Boolean))];
  if (words.length) legend.append(part("span", "words", words.join("; ")));
  root.append(band, legend);
  return root;
}
