// A target's states in words, as each view shows them.
import { Time, ago, plural } from "../format";
import type { Target } from "../types";
import { State, type Tone } from "./basics";

const HEALTH: Record<Target["health"], Tone> = { up: "good", down: "bad", unknown: "idle" };
export const STATES: Record<Target["state"], Tone> = { active: "good", draining: "warn", disabled: "idle" };

export const HealthState = ({ health }: { health: Target["health"] }) => <State tone={HEALTH[health]}>{health}</State>;

export function Health({ target }: { target: Target }) {
  return (
    <>
      <HealthState health={target.health} />
      {target.changed && <span class="small" title={target.changed}> for {ago(target.changed)}</span>}
      {target.reason && <span class="small reason">{target.reason}</span>}
      {target.retry_after && <span class="small reason">asked for no new requests until <Time at={target.retry_after} /></span>}
    </>
  );
}

// Where a name leads, how fresh that is, and which of the places fail.
export function Places({ target }: { target: Target }) {
  const places = target.resolved ?? [];
  const bad = places.filter((place) => place.problem || place.state === "kept").length;
  return (
    <>
      {target.resolve_problem && <span class="small reason"><State tone={places.length ? "warn" : "bad"}>DNS</State> {target.resolve_problem}</span>}
      {places.length > 0 && (
        <details class="changes">
          <summary>{plural(places.length, "place")} by DNS{bad > 0 && `, ${bad} in trouble`}</summary>
          <ul>
            {places.map((place) => (
              <li key={`${place.transport} ${place.endpoint}`}>
                <code>{place.endpoint}</code> {place.transport}, {place.host}, {place.state === "kept" ? `kept: ${place.reason}` : `for ${place.ttl}`}
                {place.priority + place.weight > 0 && `, SRV ${place.priority}/${place.weight}`}
                {place.problem && <> <State tone="bad">fails</State> {place.problem}</>}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
