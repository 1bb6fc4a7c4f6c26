// What was decided, and why: the verdict in words, then each step.
import { milliseconds } from "../format";
import type { Explanation, Step } from "../types";
import { Facts, State } from "./basics";

function show(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function Steps({ steps }: { steps: Step[] }) {
  return (
    <ol class="steps" tabIndex={0} aria-label="Decisions, in order">
      {steps.map((step, i) => (
        <li key={i}>
          <span class="when">{step.offset_ms === undefined ? "" : milliseconds(step.offset_ms)}</span>
          <div>
            <b>{step.what.replace(/-/g, " ")}</b>
            {step.why && <p>{step.why}</p>}
            {step.fields && Object.keys(step.fields).length > 0 && (
              <Facts of={Object.entries(step.fields).map(([name, value]) => [name, show(value)])} />
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}

export function Explained({ of }: { of: Explanation }) {
  return (
    <>
      <p class="verdict">{of.verdict}</p>
      {of.known_death && <p><State tone="bad">known death: {of.known_death.replace(/-/g, " ")}</State></p>}
      {of.hint && <p><State tone="warn">it may suffer from: {of.hint.replace(/-/g, " ")}</State></p>}
      <Steps steps={of.steps} />
    </>
  );
}
