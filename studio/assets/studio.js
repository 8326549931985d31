// Connects once, and brings each part of the page to life when Gradio has put it there.

import { Connection } from "./connection.js";
import { mountEpisode } from "./episode.js";
import { mountEpisodes } from "./episodes.js";
import { mountEvents } from "./events.js";
import { mountHand } from "./hand.js";
import { mountHeader } from "./header.js";
import { mountHistory } from "./history.js";
import { mountCell, mountNow, mountRecording, mountSuggestions, mountUnsaved } from "./panels.js";
import { mountLog, mountNotices } from "./notices.js";
import { mountTraining } from "./training.js";
import { mountWall } from "./wall.js";
import { mountWorkcell } from "./workcell.js";

const live = new Connection();
window.vlaLive = live; // for measurements: the last message of each kind is in `last`

const EVENTS_BESIDE_STOP = 5;
const EVENTS_OF_A_DAY = 100;

const PARTS = {
  header: mountHeader,
  wall: mountWall,
  hand: mountHand,
  now: mountNow,
  suggestions: mountSuggestions,
  recording: mountRecording,
  history: mountHistory,
  notices: mountNotices,
  log: mountLog,
  events: (element, live) => mountEvents(element, live, EVENTS_BESIDE_STOP, true),
  journal: (element, live) => mountEvents(element, live, EVENTS_OF_A_DAY, false),
  cell: mountCell,
  episode: mountEpisode,
  episodes: mountEpisodes,
  training: mountTraining,
  unsaved: mountUnsaved,
  workcell: mountWorkcell,
};

function mount([name, element, ...more]) {
  PARTS[name](element, live, ...more);
}

// Parts that Gradio drew before this file arrived wait in the list; later ones come through push.
const waiting = window.vlaMounts || [];
window.vlaMounts = { push: mount };
waiting.forEach(mount);
