// The token of admin.token; kept in this tab only.
import { useEffect, useRef, useState } from "preact/hooks";
import { enter, Problem } from "../api";
import { Button, Form, Note } from "../parts/basics";

export function Login({ notice }: { notice: string }) {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Log in – Usher";
    field.current?.focus();
  }, []);
  const submit = async () => {
    setBusy(true);
    setProblem("");
    try {
      await enter(token.trim());
    } catch (error) {
      const refused = error as Problem;
      setBusy(false);
      setProblem(refused.status === 401 ? "This is not the token." : refused.retryAfter ? `${refused.message}: wait ${refused.retryAfter} s.` : refused.message);
      field.current?.select();
    }
  };
  return (
    <main class="login">
      <Form onSubmit={() => void submit()} label="Log in">
        <h1>Usher</h1>
        <p class="lead">{location.host}</p>
        {notice && <Note tone="warn">{notice}</Note>}
        <div class="field">
          <label for="token">Token</label>
          <input id="token" ref={field} type="password" autocomplete="current-password" required value={token} onInput={(event) => setToken(event.currentTarget.value)} aria-describedby="token-about" />
          <span class="hint" id="token-about">admin.token of the configuration; forgotten when this tab is closed</span>
        </div>
        {problem && <Note tone="bad">{problem}</Note>}
        <Button type="submit" kind="main" disabled={busy}>{busy ? "Asking …" : "Log in"}</Button>
      </Form>
    </main>
  );
}
