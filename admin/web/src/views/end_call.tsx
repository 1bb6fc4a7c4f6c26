// Ending a live call, after a question that names both parties.
import { api } from "../api";
import { seconds } from "../format";
import { confirm, tell } from "../parts/dialogs";
import type { Call } from "../types";

export async function endCall(call: Call): Promise<boolean> {
  const done = await confirm("End this call?", (
    <p><code>{call.from}</code> and <code>{call.to}</code>, {call.answered ? `talking for ${seconds(call.duration_s)}` : call.state}: both are told at once.</p>
  ), "End call", () => api("DELETE", `/v1/calls/${encodeURIComponent(call.id)}`));
  if (done) tell("The call is ending.");
  return done;
}
