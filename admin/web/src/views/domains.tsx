// Domains: which set serves each, and whether it is admitted.
import { useState } from "preact/hooks";
import { api } from "../api";
import { plural } from "../format";
import { useLive } from "../live";
import { Button, Choice, Form, Note, State, Text, View } from "../parts/basics";
import { Dialog, Finish, confirm, tell, useSubmit } from "../parts/dialogs";
import { Paged, Table } from "../parts/table";
import { href, route } from "../route";
import { useStore } from "../store";
import type { Call, DispatcherSet, Domain, Page, Registration } from "../types";

const pathOf = (name: string) => `/v1/domains/${encodeURIComponent(name)}`;
const hostOf = (uri: string) => uri.replace(/^.*@/, "").replace(/^sips?:/, "").replace(/[;>].*$/, "").replace(/:\d+$/, "").toLowerCase();

type Touched = { registrations: string; calls: string };

// What of a domain is alive.
async function touched(domain: string): Promise<Touched> {
  const [registrations, calls] = await Promise.all([
    api<Page<Registration>>("GET", `/v1/registrations?limit=1000&domain=${encodeURIComponent(domain)}`),
    api<Page<Call>>("GET", "/v1/calls?limit=1000"),
  ]);
  const own = calls.items.filter((call) => hostOf(call.from) === domain || hostOf(call.to) === domain).length;
  return {
    registrations: plural(registrations.items.length, registrations.next ? "registration (and more)" : "registration"),
    calls: plural(own, calls.next ? "live call (of the first 1000)" : "live call"),
  };
}

const setText = (set: DispatcherSet | undefined, setid: number) => (set ? `set ${setid} (${set.targets.up} of ${set.targets.total} targets up)` : `set ${setid}`);

async function toggle(domain: Domain, refresh: () => void) {
  if (!domain.enabled) {
    await confirm(`Enable ${domain.domain}?`, <p>Its phones are admitted again; set {domain.setid} serves them.</p>, "Enable", () => api("PATCH", pathOf(domain.domain), { enabled: true }), false);
    return refresh();
  }
  const now = await touched(domain.domain);
  await confirm(`Disable ${domain.domain}?`, <p>Its phones get silence from now on. It has {now.registrations} and {now.calls}; calls that are up go on.</p>, "Disable", () => api("PATCH", pathOf(domain.domain), { enabled: false }));
  refresh();
}

async function remove(domain: Domain, refresh: () => void) {
  const now = await touched(domain.domain);
  await confirm(`Remove ${domain.domain}?`, <p>Requests for it get silence from now on, as for any unknown domain. It has {now.registrations} and {now.calls}.</p>, "Remove", () => api("DELETE", pathOf(domain.domain)));
  refresh();
}

function Add({ onClose }: { onClose: (made: boolean) => void }) {
  const sets = useLive<Page<DispatcherSet>>("/v1/dispatcher/sets?limit=1000", { every: 0 });
  const [name, setName] = useState("");
  const [setid, setSetid] = useState("");
  const [comment, setComment] = useState("");
  const { busy, problem, submit } = useSubmit(() => onClose(true));
  const options = sets.data?.items ?? [];
  const chosen = setid || String(options[0]?.setid ?? "");
  const save = async () => {
    await api("PUT", pathOf(name.trim()), { setid: Number(chosen), comment });
    tell(`${name.trim()} is served by set ${chosen}.`);
  };
  return (
    <Dialog title="Add a domain" onClose={() => onClose(false)}>
      <Form onSubmit={() => void submit(save)}>
        <Text label="Domain" value={name} set={setName} required wide placeholder="a.test" error={problem.field === "domain" ? problem.text : undefined} />
        {options.length
          ? <Choice label="Set" value={chosen} set={setSetid} options={options.map((set) => [String(set.setid), setText(set, set.setid)])} />
          : <Note tone="warn">There is no set yet: <a href={href("sets")}>add a target</a> first.</Note>}
        <Text label="Comment" value={comment} set={setComment} wide />
        <Finish action="Add" busy={busy} disabled={!chosen} problem={problem.text} onClose={() => onClose(false)} />
      </Form>
    </Dialog>
  );
}

function Move({ domain, onClose }: { domain: Domain; onClose: (moved: boolean) => void }) {
  const sets = useLive<Page<DispatcherSet>>("/v1/dispatcher/sets?limit=1000", { every: 0 });
  const registrations = useLive<Page<Registration>>(`/v1/registrations?limit=1000&domain=${encodeURIComponent(domain.domain)}`, { every: 0 });
  const options = (sets.data?.items ?? []).filter((set) => set.setid !== domain.setid);
  const [setid, setSetid] = useState("");
  const chosen = setid || String(options[0]?.setid ?? "");
  const { busy, problem, submit } = useSubmit(() => onClose(true));
  const to = options.find((set) => String(set.setid) === chosen);
  const count = registrations.data?.items.length ?? 0;
  return (
    <Dialog title={`Move ${domain.domain}`} onClose={() => onClose(false)}>
      <Form onSubmit={() => void submit(() => api("PATCH", pathOf(domain.domain), { setid: Number(chosen) }))}>
        {options.length
          ? <Choice label="To" value={chosen} set={setSetid} options={options.map((set) => [String(set.setid), setText(set, set.setid)])} />
          : <Note>There is no other set.</Note>}
        <div class="touches">
          <p>From {setText(sets.data?.items.find((set) => set.setid === domain.setid), domain.setid)}. New calls go to the new set at once; calls that are up stay where they are.</p>
          <p>{registrations.data?.next ? "More than 1000 registrations stay" : `${plural(count, "registration")} ${count === 1 ? "stays" : "stay"}`} known here; the new set's backends learn of each phone when it registers again.</p>
          {to && to.targets.up === 0 && <Note tone="warn">No target of set {chosen} is up: calls will be refused.</Note>}
        </div>
        <Finish action="Move" danger busy={busy} disabled={!chosen} problem={problem.text} onClose={() => onClose(false)} />
      </Form>
    </Dialog>
  );
}

export function Domains() {
  const { query } = useStore(route);
  const only = query.get("setid");
  const [adding, setAdding] = useState(false);
  const [moving, setMoving] = useState<Domain>();
  const [version, setVersion] = useState(0);
  const changed = (did: boolean) => {
    setAdding(false);
    setMoving(undefined);
    if (did) setVersion((n) => n + 1);
  };
  return (
    <View title="Domains" lead="Requests for any other domain get silence." actions={<Button kind="main" onClick={() => setAdding(true)}>Add domain</Button>}>
      {only && <p class="filters">Of set {only} only. <a href={href("domains")}>All domains</a></p>}
      <Paged<Domain> path="/v1/domains" what="Domains" each={only ? 1000 : 50} every={5000} version={version} kinds={["configuration"]}>
        {(rows, refresh) => (
          <Table rows={rows.filter((row) => !only || String(row.setid) === only)} id={(row) => row.domain} label="Domains" empty="No domain: everybody gets silence." columns={[
            { name: "Domain", show: (row) => <b>{row.domain}</b> },
            { name: "State", show: (row) => <State tone={row.enabled ? "good" : "idle"}>{row.enabled ? "enabled" : "disabled"}</State> },
            { name: "Set", kind: "number", show: (row) => <a href={href("sets", { setid: row.setid })}>{row.setid}</a> },
            { name: "Comment", show: (row) => row.comment },
            { name: "Look", show: (row) => <><a href={href("registrations", { domain: row.domain })}>Registrations</a> <a href={href("calls", { show: "records", domain: row.domain })}>Calls</a></> },
            { name: "Actions", kind: "actions", show: (row) => (
              <>
                <Button label={`${row.enabled ? "Disable" : "Enable"} ${row.domain}`} onClick={() => void toggle(row, refresh)}>{row.enabled ? "Disable" : "Enable"}</Button>
                <Button label={`Move ${row.domain} to another set`} onClick={() => setMoving(row)}>Move</Button>
                <Button kind="danger" label={`Remove ${row.domain}`} onClick={() => void remove(row, refresh)}>Remove</Button>
              </>
            ) },
          ]} />
        )}
      </Paged>
      {adding && <Add onClose={changed} />}
      {moving && <Move domain={moving} onClose={changed} />}
    </View>
  );
}
