// What the recorder holds of a phone, an address, or a Call-ID of either leg; and the explanation of anything that has an id.
import { useLive } from "../live";
import { Note, Panel, Trouble, View } from "../parts/basics";
import { Explained } from "../parts/explanation";
import { Filters, useGiven, type Filter } from "../parts/filters";
import { Recorded } from "../parts/recorded";
import type { Explanation } from "../types";

const FILTERS: Filter[] = [
  { name: "aor", label: "Address of record", placeholder: "401@a.test" },
  { name: "source", label: "Source address", placeholder: "192.0.2.7" },
  { name: "call_id", label: "Call-ID of either leg" },
  { name: "id", label: "Id of a trace" },
];

const KEY = /^[0-9a-v]{13}$/;  // as lines of the log name a call, a registration or a drop

function Why({ id }: { id: string }) {
  const live = useLive<Explanation>(`/v1/explain/${encodeURIComponent(id)}`, { every: 0 });
  return <Panel title="Explanation"><Trouble of={live} what="Explanations" />{live.data && <Explained of={live.data} />}</Panel>;
}

export function Trace() {
  const given = useGiven(FILTERS);
  const name = FILTERS.map((filter) => filter.name).find((one) => given[one]);
  const value = name ? given[name]! : "";
  return (
    <View title="Trace" lead="The last messages, as the flight recorder holds them. One field at a time.">
      <Filters path="trace" filters={FILTERS} label="Trace" />
      {!name && <Note>Choose what to look for. Registrations, door-knocks and calls link here.</Note>}
      {name && name !== "id" && (
        <div class="beside">
          <div><Recorded path="/v1" parameters={{ [name]: value }} running={false} name={value} /></div>
          <div>{name === "call_id" && <Why id={value} />}</div>
        </div>
      )}
      {name === "id" && (KEY.test(value)
        ? <div class="beside"><div><Recorded path="/v1" parameters={{ key: value }} running={false} name={value} /></div><div><Why id={value} /></div></div>
        : <Why id={value} />)}
    </View>
  );
}
