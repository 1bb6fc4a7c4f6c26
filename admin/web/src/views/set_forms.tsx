// Forms of sets and targets.
import { useState } from "preact/hooks";
import { api } from "../api";
import { useLive } from "../live";
import { Choice, Form, Text } from "../parts/basics";
import { Dialog, Finish, tell, useSubmit } from "../parts/dialogs";
import type { DispatcherSet, Page, Target } from "../types";

export function AddTarget({ setid, onClose }: { setid: number | undefined; onClose: (made: boolean) => void }) {
  const sets = useLive<Page<DispatcherSet>>("/v1/dispatcher/sets?limit=1000", { every: 0 });
  const [set, setSet] = useState(setid === undefined ? "10" : String(setid));
  const [destination, setDestination] = useState("");
  const [priority, setPriority] = useState("0");
  const [weight, setWeight] = useState("1");
  const [comment, setComment] = useState("");
  const { busy, problem, submit } = useSubmit(() => onClose(true));
  const fault = (field: string) => (problem.field === field ? problem.text : undefined);
  const save = async () => {
    const made = await api<Target>("POST", `/v1/dispatcher/sets/${encodeURIComponent(set)}/targets`, { destination: destination.trim(), priority: Number(priority), weight: Number(weight), comment });
    tell(`Target ${made.id}, ${made.destination}, is in set ${made.setid}.`);
  };
  const known = sets.data?.items.some((item) => String(item.setid) === set);
  return (
    <Dialog title="Add a target" onClose={() => onClose(false)}>
      <Form onSubmit={() => void submit(save)}>
        <Text label="Set" type="number" value={set} set={setSet} required list={sets.data?.items.map((item) => String(item.setid)) ?? []} error={fault("setid")} hint={sets.data && !known ? "There is no such set: it is made, with defaults." : undefined} />
        <Text label="Destination" value={destination} set={setDestination} required wide placeholder="10.0.1.100" hint="Address, host name or SIP URI: 10.0.1.100:5060, sip:10.0.1.100;transport=tcp" error={fault("destination")} />
        <div class="pair">
          <Text label="Priority" type="number" value={priority} set={setPriority} hint="Lower first" error={fault("priority")} />
          <Text label="Weight" type="number" value={weight} set={setWeight} error={fault("weight")} />
        </div>
        <Text label="Comment" value={comment} set={setComment} wide />
        <Finish action="Add" busy={busy} problem={problem.text} onClose={() => onClose(false)} />
      </Form>
    </Dialog>
  );
}

export function EditSet({ set, onClose }: { set: DispatcherSet; onClose: (changed: boolean) => void }) {
  const [algorithm, setAlgorithm] = useState(set.algorithm);
  const [interval, setInterval] = useState(set.health.interval);
  const [timeout, setTimeout] = useState(set.health.timeout);
  const [down, setDown] = useState(String(set.health.down_after));
  const [up, setUp] = useState(String(set.health.up_after));
  const [comment, setComment] = useState(set.comment);
  const { busy, problem, submit } = useSubmit(() => onClose(true));
  const fault = (field: string) => (problem.field === field ? problem.text : undefined);
  const save = () => api("PATCH", `/v1/dispatcher/sets/${set.setid}`, {
    algorithm, comment, health: { interval, timeout, down_after: Number(down), up_after: Number(up) },
  });
  return (
    <Dialog title={`Set ${set.setid}`} onClose={() => onClose(false)}>
      <Form onSubmit={() => void submit(save)}>
        <Choice label="Algorithm" value={algorithm} set={setAlgorithm} options={["round-robin", "weighted", "priority", "hash"].map((name) => [name, name])} hint="For what begins from now on" />
        <div class="pair">
          <Text label="Probe each" value={interval} set={setInterval} hint="1s to 1h, with unit" error={fault("health.interval")} />
          <Text label="Probe fails after" value={timeout} set={setTimeout} hint="Below the interval" error={fault("health.timeout")} />
        </div>
        <div class="pair">
          <Text label="Down after failures" type="number" value={down} set={setDown} error={fault("health.down_after")} />
          <Text label="Up after answers" type="number" value={up} set={setUp} error={fault("health.up_after")} />
        </div>
        <Text label="Comment" value={comment} set={setComment} wide />
        <Finish action="Save" busy={busy} problem={problem.text} onClose={() => onClose(false)} />
      </Form>
    </Dialog>
  );
}
