// The fine-tunes: progress, the loss as it falls, the log, and what to do with the result.

const WIDTH = 640;
const HEIGHT = 180;

export function mountTraining(element, live) {
  const root = element.querySelector(".training");
  let shown = "";
  const refresh = async () => {
    if (!root.offsetParent) return; // another tab is open
    const answer = await fetch("/training");
    const jobs = await answer.json();
    const key = JSON.stringify(jobs);
    if (key === shown || !jobs.length) return;
    shown = key;
    root.replaceChildren(...jobs.map((job) => card(job, live)));
  };
  setInterval(() => refresh().catch(() => {}), 1000);
}

function card(job, live) {
  const root = document.createElement("article");
  root.className = "card job";
  root.dataset.status = job.status;
  root.dataset.name = job.name;
  const share = job.status === "succeeded" ? 1 : job.steps ? job.step / job.steps : 0;
  root.append(
    make("header", "", [make("b", "", job.name), make("span", "status", job.status), ...buttons(job, live)]),
    make("p", "from", `${job.base} on ${job.dataset}`),
    bar(share),
    make("p", "figures", figures(job)),
  );
  if (job.error) root.append(make("p", "error", job.error));
  if (job.curve.length > 1) root.append(curve(job.curve));
  if (job.log) root.append(make("pre", "", job.log));
  return root;
}

function make(tag, className, inside) {
  const part = document.createElement(tag);
  part.className = className;
  if (Array.isArray(inside)) part.append(...inside);
  else part.textContent = inside;
  return part;
}

function figures({ step, steps, loss, rate }) {
  const parts = [`step ${step} of ${steps}`];
  if (loss !== null) parts.push(`loss ${loss.toPrecision(3)}`);
  if (rate) parts.push(`${rate.toFixed(0)} samples/s`);
  return parts.join(" · ");
}

function bar(share) {
  const fill = make("i", "", "");
  fill.style.width = `${(100 * share).toFixed(1)}%`;
  return make("div", "progress", [fill]);
}

function buttons(job, live) {
  const list = [];
  if (!job.ended) list.push(button("Cancel", "cancel", () => live.send({ type: "cancel_job", name: job.name })));
  if (job.checkpoint) {
    const use = () => live.send({ type: "use_checkpoint", checkpoint: job.checkpoint });
    list.push(button("Run this checkpoint", "use", use));
  }
  return list;
}

function button(words, className, act) {
  const part = make("button", className, words);
  part.type = "button";
  part.addEventListener("click", act);
  return part;
}

function curve(points) {
  const losses = points.map(([, loss]) => Math.log10(Math.max(loss, 1e-6)));
  const low = Math.min(...losses);
  const high = Math.max(...losses, low + 1e-3);
  const last = points.at(-1)[0] || 1;
  const path = points
    .map(([step], i) => `${((step / last) * WIDTH).toFixed(1)},${(HEIGHT - ((losses[i] - low) / (high - low)) * HEIGHT).toFixed(1)}`)
    .join(" ");
  const figure = make("figure", "curve", []);
  figure.innerHTML =
    `<svg viewBox="0 -6 ${WIDTH} ${HEIGHT + 12}" preserveAspectRatio="none"><polyline points="${path}"/></svg>` +
    `<span class="high">${(10 ** high).toPrecision(2)}</span><span class="low">${(10 ** low).toPrecision(2)}</span>` +
    `<figcaption>loss, logarithmic · step 0 to ${last}</figcaption>`;
  return figure;
}
