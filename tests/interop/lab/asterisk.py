"""An Asterisk (chan_pjsip) on a loopback address, run from the cached chroot."""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time

from .asterisk_root import asterisk_root
from .wait import wait_for

MODULES = """
app_dial app_echo app_minivm app_playback app_stack app_verbose app_senddtmf app_transfer
bridge_builtin_features bridge_simple bridge_native_rtp bridge_holding
chan_pjsip codec_alaw codec_ulaw codec_a_mu format_pcm func_callerid func_channel func_logic func_strings
pbx_config res_clialiases res_clioriginate res_musiconhold res_pjproject res_pjsip res_pjsip_acl res_pjsip_authenticator_digest
res_pjsip_caller_id res_pjsip_dialog_info_body_generator res_pjsip_dlg_options
res_pjsip_endpoint_identifier_ip res_pjsip_endpoint_identifier_user res_pjsip_exten_state
res_pjsip_header_funcs res_pjsip_logger res_pjsip_messaging res_pjsip_mwi res_pjsip_mwi_body_generator
res_pjsip_nat res_pjsip_notify res_pjsip_outbound_publish res_pjsip_path res_pjsip_pidf_body_generator res_pjsip_pubsub res_pjsip_refer
res_pjsip_registrar res_pjsip_rfc3326 res_pjsip_sdp_rtp res_pjsip_session res_rtp_asterisk
res_sorcery_astdb res_sorcery_config res_sorcery_memory res_timing_timerfd
""".split()

DIRECTORIES = {
    "astetcdir": "etc", "astvarlibdir": "lib", "astdbdir": "db", "astkeydir": "lib", "astspooldir": "spool",
    "astrundir": "run", "astlogdir": "log", "astcachedir": "cache",
}

EXTENSIONS = """
[general]
static=yes
writeprotect=yes

[phones]
; what a BLF of a phone shows
exten => _4XX,hint,PJSIP/${EXTEN}
; a call to a phone by its number
exten => _4XX,1,NoOp(call from ${CALLERID(num)} to ${EXTEN})
 same => n,Dial(PJSIP/${EXTEN},60)
 same => n,Hangup()
; answers and sends everything back
exten => 600,1,Answer()
 same => n,Echo()
; rings and is never answered
exten => 601,1,Ringing()
 same => n,Wait(120)
; is busy
exten => 602,1,Hangup(17)
; answers and hangs up after a second
exten => 603,1,Answer()
 same => n,Wait(1)
 same => n,Hangup()
; two new messages and an old one for 401, or none
exten => 650,1,MinivmMWI(401@default,0,2,1)
 same => n,Hangup()
exten => 651,1,MinivmMWI(401@default,0,0,0)
 same => n,Hangup()
"""


class Asterisk:
    """`users` maps a name to its password. Options are pjsip.conf's own words; `endpoints` has further ones of users'
    endpoints, {user: {option: value}}, and `extensions` further lines of the context of all phones. With `tls`, (credentials, file of the authority that it
    trusts), it also speaks TLS on port 5061."""

    def __init__(self, lab, host, users, entity=None, qualify_frequency=1, qualify_timeout=2.0,
                 rewrite_contact=False, rtp_start=20000, port=5060, endpoints=None, extensions="", tls=None):
        self.lab = lab
        self.name = f"asterisk-{host}"
        self.address = lab.ip(host)
        self.port = port
        self.root = asterisk_root()
        self.directory = self._own_directory(host)
        self._inner = self.directory[len(self.root):]
        lab.on_close(self._remove_directory)
        for part in set(DIRECTORIES.values()):
            os.makedirs(os.path.join(self.directory, part))
        self._tls = self._tls_transport(*tls) if tls else ""
        self._configure(users, entity or f"02:00:00:00:00:{host:02x}", qualify_frequency, qualify_timeout,
                        rewrite_contact, rtp_start, endpoints or {}, extensions)
        self.process = None
        self.start()

    def _own_directory(self, host):
        """A directory in the chroot that is locked while we live; those of killed runs are removed."""
        outer = os.path.join(self.root, "var/lib/usher-lab")
        os.makedirs(outer, exist_ok=True)
        for entry in os.listdir(outer):
            path = os.path.join(outer, entry)
            try:
                with open(os.path.join(path, "lock")) as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if time.time() - os.path.getmtime(lock.name) > 60:
                        shutil.rmtree(path, ignore_errors=True)
            except OSError:
                continue
        directory = tempfile.mkdtemp(prefix=f"{host}-", dir=outer)
        os.chmod(directory, 0o755)
        self._lock = open(os.path.join(directory, "lock"), "w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return directory

    def _remove_directory(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        self._lock.close()

    def _write(self, name, text):
        with open(os.path.join(self.directory, "etc", name), "w") as file:
            file.write(text)

    def _configure(self, users, entity, qualify_frequency, qualify_timeout, rewrite_contact, rtp_start,
                   endpoints, extensions):
        directories = "\n".join(f"{key} => {self._inner}/{part}" for key, part in DIRECTORIES.items())
        self._write("asterisk.conf", f"""[directories]
{directories}
astmoddir => /usr/lib/asterisk/modules
astdatadir => /usr/share/asterisk
astagidir => /usr/share/asterisk/agi-bin
astsbindir => /usr/sbin

[options]
entityid = {entity}
nocolor = yes
hideconnect = yes
""")
        available = os.path.join(self.root, "usr/lib/asterisk/modules")
        if not os.path.isdir(available):  # newer releases keep them below the architecture
            available = next(iter(
                os.path.join(base, "asterisk/modules")
                for base, folders, _ in os.walk(os.path.join(self.root, "usr/lib")) if "asterisk" in folders))
        load = "\n".join(f"load = {m}.so" for m in MODULES if os.path.exists(f"{available}/{m}.so"))
        self._write("modules.conf", f"[modules]\nautoload = no\n{load}\n")
        self._write("logger.conf", "[general]\ndateformat = %T.%3q\n[logfiles]\nconsole = notice,warning,error,verbose\n")
        self._write("rtp.conf", f"[general]\nrtpstart={rtp_start}\nrtpend={rtp_start + 999}\nstrictrtp=no\n")
        self._write("extensions.conf", EXTENSIONS + extensions)
        for empty in ("musiconhold.conf", "cli.conf", "cli_aliases.conf", "features.conf", "indications.conf",
                      "minivm.conf", "pjsip_notify.conf", "pjproject.conf", "codecs.conf", "cdr.conf", "cel.conf", "acl.conf",
                      "udptl.conf", "ccss.conf", "stasis.conf", "manager.conf", "http.conf", "sorcery.conf",
                      "cli_permissions.conf", "enum.conf", "dnsmgr.conf", "extconfig.conf", "users.conf"):
            word = {"manager.conf": "enabled", "http.conf": "enabled", "cdr.conf": "enable", "cel.conf": "enable"}.get(empty)
            self._write(empty, f"[general]\n{word} = no\n" if word else "")
        sections = [f"""[global]
type=global
endpoint_identifier_order=username,ip,anonymous
user_agent=Asterisk lab

[udp]
type=transport
protocol=udp
bind={self.address}:{self.port}

[tcp]
type=transport
protocol=tcp
bind={self.address}:{self.port}
{self._tls}"""]
        for user, password in users.items():
            further = "".join(f"{option}={value}\n" for option, value in endpoints.get(user, {}).items())
            sections.append(f"""[{user}]
type=endpoint
context=phones
auth={user}
aors={user}
disallow=all
allow=alaw,ulaw
direct_media=no
rewrite_contact={'yes' if rewrite_contact else 'no'}
rtp_symmetric=yes
media_address={self.address}
bind_rtp_to_media_address=yes
callerid="Phone {user}" <{user}>
{further}
[{user}]
type=auth
auth_type=userpass
username={user}
password={password}

[{user}]
type=aor
max_contacts=5
mailboxes={user}@default
minimum_expiration=1
default_expiration=3600
qualify_frequency={qualify_frequency}
qualify_timeout={qualify_timeout}
""")
        self._write("pjsip.conf", "\n".join(sections))

    def _tls_transport(self, credentials, authority):
        """Its section; the files are copied to where the chroot sees them."""
        for source, name in ((credentials.certificate, "own.pem"), (credentials.key, "own.key"), (authority, "ca.pem")):
            shutil.copyfile(source, os.path.join(self.directory, "etc", name))
        return f"""
[tls]
type=transport
protocol=tls
bind={self.address}:5061
method=tlsv1_2
cert_file={self._inner}/etc/own.pem
priv_key_file={self._inner}/etc/own.key
ca_list_file={self._inner}/etc/ca.pem
verify_server=yes
"""

    def start(self):
        self.process = self.lab.start(
            self.name, ["chroot", self.root, "/usr/sbin/asterisk", "-f", "-n", "-C", f"{self._inner}/etc/asterisk.conf",
                        "-vvv"], self.lab.make_directory(self.name), env={"LANG": "C", "LC_ALL": "C"})
        wait_for(lambda: self._booted(), 30, f"{self.name} is fully booted")
        self.command("pjsip set logger on")

    def _booted(self):
        if not self.process.alive():
            raise AssertionError(f"{self.name} ended at start:\n{self.process.log()[-3000:]}")
        return "fully booted" in self.command("core waitfullybooted", check=False)

    def command(self, text, check=True):
        """What the console prints for a command."""
        done = subprocess.run(
            ["chroot", self.root, "/usr/sbin/asterisk", "-C", f"{self._inner}/etc/asterisk.conf", "-rx", text],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20,
            check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{self.name}: {text}: {done.stdout}")
        return done.stdout

    def contacts(self, user):
        """[(Contact URI, status word)] of an AoR: Avail, Unavail, NonQual, …"""
        found = []
        for line in self.command("pjsip show contacts").splitlines():
            words = line.split()
            if len(words) >= 4 and words[0] == "Contact:" and words[1].startswith(f"{user}/"):
                found.append((words[1][len(user) + 1:], words[3]))
        return found

    def contact_details(self, user):
        """[{via, uri, …}] as the registrar stored them."""
        return [line for line in self.command("database show registrar").splitlines() if f"/contact/{user}" in line]

    def channels(self):
        """Names of live channels."""
        return [line.split("!")[0] for line in self.command("core show channels concise").splitlines() if "!" in line]

    def wait_contact(self, user, status="Avail", within=10):
        return wait_for(lambda: [c for c in self.contacts(user) if c[1] == status], within,
                        lambda: f"{self.name} shows {user} {status}; it shows {self.contacts(user)}")

    def wait_no_channels(self, within=10):
        wait_for(lambda: not self.channels(), within, lambda: f"{self.name} is idle; it has {self.channels()}")

    def stop(self):
        self.process.stop()
