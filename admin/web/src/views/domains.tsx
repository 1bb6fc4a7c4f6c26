// Domains: which set serves each, and whether it is admitted.
import { useEffect, useState } from "preact/hooks";
import { api } from "../api";
import { plural } from "../format";
import { useLive } from "../live";
import { Button, Choice, Form, Note, State, Text, View } from "../parts/basics";
import { Dialog, Finish, confirm, tell, useSubmit } from "../parts/dialogs";
import { Paged, Table } from "../parts/table";
import { href, route } from "../route";
import { useStore } from "../store";
import type { DispatcherSet, Domain, DomainPreview, Page } from "../types";

const pathOf = (name: string) => `/v1/domains/${encodeURIComponent(name)}`;
const preview = (method: string, domain: string, body?: unknown) => api<DomainPreview>(method, `${pathOf(domain)}?preview=true`, body);

function Touched({ of, domain }: { of: DomainPreview; domain: string }) {
  const { registrations, live_calls, subscriptions } = of.touches;
  return (
    <>
      <p>It has <a href={href("registrations", { domain })}>{plural(registrations, "registration")}</a>, <a href={href("calls", { domain })}>{plural(live_calls, "live call")}</a> and <a href={href("subscriptions", { domain })}>{plural(subscriptions, "subscription")}</a>.</p>
      {of.warnings.map((warning) => <Note key={warning} tone="warn">{warning.replace(/^./, (first) => first.toUpperCase())}.</Note>)}
    </>
  );
}

const setText = (set: DispatcherSet | undefined, setid: number) => (set ? `set ${setid} (${set.targets.up} of ${set.targets.total} targets up)` : `set ${setid}`);

// Says why there is no answer.
const asked = (answer: Promise<DomainPreview>) => answer.catch((error: Error) => void tell(error.message, true));

async function toggle(domain: Domain, refresh: () => void) {
  if (!domain.enabled) {
    await confirm(`Enable ${domain.domain}?`, <p>Its phones are admitted again; set {domain.setid} serves them.</p>, "Enable", () => api("PATCH", pathOf(domain.domain), { enabled: true }), false);
    return refresh();
  }
  const told = await asked(preview("PATCH", domain.domain, { enabled: false }));
  if (!told) return;
  await confirm(`Disable ${domain.domain}?`, <Touched of={told} domain={domain.domain} />, "Disable", () => api("PATCH", pathOf(domain.domain), { enabled: false }));
  refresh();
}

async function remove(domain: Domain, refresh: () => void) {
  const told = await asked(preview("DELETE", domain.domain));
  if (!told) return;
  await confirm(`Remove ${domain.domain}?`, <><p>Requests for it get silence from now on, as for any unknown domain.</p><Touched of={told} domain={domain.domain} /></>, "Remove", () => api("DELETE", pathOf(domain.domain)));
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

// What a move would touch is asked of the edge each time another set is chosen.
function Move({ domain, onClose }: { domain: Domain; onClose: (moved: boolean) => void }) {
  const sets = useLive<Page<DispatcherSet>>("/v1/dispatcher/sets?limit=1000", { every: 0 });
  const options = (sets.data?.items ?? []).filter((set) => set.setid !== domain.setid);
  const [setid, setSetid] = useState("");
  const chosen = setid || String(options[0]?.setid ?? "");
  const [told, setTold] = useState<{ setid: string; preview?: DomainPreview; problem?: string }>();
  useEffect(() => {
    if (!chosen) return;
    let over = false;
    const show = (answer: { preview?: DomainPreview; problem?: string }) => { if (!over) setTold({ setid: chosen, ...answer }); };
    preview("PATCH", domain.domain, { setid: Number(chosen) }).then((answer) => show({ preview: answer }), (error: Error) => show({ problem: error.message }));
    return () => { over = true; };
  }, [chosen]);
  const now = told?.setid === chosen ? told : undefined;
  const { busy, problem, submit } = useSubmit(() => onClose(true));
  return (
    <Dialog title={`Move ${domain.domain}`} onClose={() => onClose(false)}>
      <Form onSubmit={() => void submit(() => api("PATCH", pathOf(domain.domain), { setid: Number(chosen) }))}>
        {options.length
          ? <Choice label="To" value={chosen} set={setSetid} options={options.map((set) => [String(set.setid), setText(set, set.setid)])} />
          : <Note>There is no other set.</Note>}
        <div class="touches" aria-live="polite">
          <p>From {setText(sets.data?.items.find((set) => set.setid === domain.setid), domain.setid)}. New calls and registrations go to the new set at once.</p>
          {now?.preview && <Touched of={now.preview} domain={domain.domain} />}
          {now?.preview?.served_by && (
            <ul class="listed">{now.preview.served_by.targets.map((target) => <li key={target.id}>Target {target.id}, <code>{target.destination}</code>: {target.state}, {target.health}{target.maintenance_until && ", in maintenance"}</li>)}</ul>
          )}
          {now?.problem && <Note tone="bad">{now.problem}</Note>}
        </div>
        <Finish action="Move" danger busy={busy} disabled={!now?.preview} problem={problem.text} onClose={() => onClose(false)} />
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
      <Paged<Domain> path="/v1/domains" what="Domains" each={only ? 1000 : 50} every={30_000} version={version} kinds={["configuration"]}>
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
