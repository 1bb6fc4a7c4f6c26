#include "core/net/tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "core/net/address.hpp"

namespace usher::net {

namespace {

using What = TlsFault::What;

// The oldest of the library's queued errors, which names the cause; the queue is emptied.
std::string library_error(const char* otherwise) {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  if (first == 0) return otherwise;
  if (ERR_SYSTEM_ERROR(first)) return std::strerror(ERR_GET_REASON(first));
  const char* reason = ERR_reason_error_string(first);
  return reason ? reason : otherwise;
}

std::time_t seconds(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return timegm(&parts);
}

std::string text_of(std::time_t time) {
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[40];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return {text, length};
}

// Why the file cannot be used at all, before the library is asked, whose words are less clear.
std::string unreadable(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "rb"),
                                                             &std::fclose};
  return file ? std::string{} : std::string{"cannot be read: "} + std::strerror(errno);
}

// An encrypted key would make the library ask at the terminal.
int no_password(char*, int, int, void*) {
  return 0;
}

class Loader {
 public:
  Loader(SSL_CTX* context, WallTime now)
      : context_(context),
        now_(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count()) {}

  std::vector<TlsFault> faults;
  std::optional<WallTime> expires;

  void certificate(const std::string& path) {
    if (std::string why = unreadable(path); !why.empty())
      return fault(What::certificate, path, why);
    if (SSL_CTX_use_certificate_chain_file(context_, path.c_str()) != 1) {
      return fault(What::certificate, path,
                   "holds no certificate in PEM (" + library_error("no certificate") + ")");
    }
    const X509* own = SSL_CTX_get0_certificate(context_);
    const std::time_t from = seconds(X509_get0_notBefore(own));
    const std::time_t to = seconds(X509_get0_notAfter(own));
    if (to <= now_) fault(What::certificate, path, "expired on " + text_of(to));
    if (from > now_) fault(What::certificate, path, "is not valid before " + text_of(from));
    expires = WallTime{std::chrono::seconds(to)};
  }

  void key(const std::string& path) {
    if (std::string why = unreadable(path); !why.empty()) return fault(What::key, path, why);
    SSL_CTX_set_default_passwd_cb(context_, no_password);
    if (SSL_CTX_use_PrivateKey_file(context_, path.c_str(), SSL_FILETYPE_PEM) == 1) return;
    const unsigned long why = ERR_peek_last_error();
    const bool mismatch =
        ERR_GET_LIB(why) == ERR_LIB_X509 && (ERR_GET_REASON(why) == X509_R_KEY_VALUES_MISMATCH ||
                                             ERR_GET_REASON(why) == X509_R_KEY_TYPE_MISMATCH);
    fault(What::key, path,
          mismatch
              ? "is the key of another certificate"
              : "holds no private key in PEM without a password (" + library_error("no key") + ")");
    ERR_clear_error();
  }

  void authorities(const std::string& path, bool of_clients) {
    if (std::string why = unreadable(path); !why.empty())
      return fault(What::authorities, path, why);
    if (SSL_CTX_load_verify_file(context_, path.c_str()) != 1) {
      return fault(What::authorities, path,
                   "holds no certificate in PEM (" + library_error("no certificate") + ")");
    }
    if (of_clients) SSL_CTX_set_client_CA_list(context_, SSL_load_client_CA_file(path.c_str()));
  }

  // Its first certificate is the one end that a chain may have: what stands after it in the file,
  // the signer of others too, is not trusted.
  void server(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "rb"),
                                                               &std::fclose};
    if (!file)
      return fault(What::server, path, std::string{"cannot be read: "} + std::strerror(errno));
    const std::unique_ptr<X509, decltype(&X509_free)> found{
        PEM_read_X509(file.get(), nullptr, no_password, nullptr), &X509_free};
    if (!found) {
      return fault(What::server, path,
                   "holds no certificate in PEM (" + library_error("no certificate") + ")");
    }
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), found.get());
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context_),
                                X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  }

 private:
  void fault(What what, const std::string& path, const std::string& why) {
    faults.push_back({what, path + ": " + why});
  }
  SSL_CTX* context_;
  std::time_t now_;
};

class TlsChannel final : public Channel {
 public:
  // Takes the session over.
  TlsChannel(SSL* session, std::shared_ptr<ssl_ctx_st> context)
      : context_(std::move(context)), session_(session, &SSL_free) {}

  Io handshake() override {
    ERR_clear_error();
    const int result = SSL_do_handshake(session_.get());
    if (result == 1) return done(0);
    Io io = outcome(result);
    if (io.outcome == Outcome::failed) {
      const long verified = SSL_get_verify_result(session_.get());
      if (verified != X509_V_OK)
        io.reason =
            std::string{"its certificate is refused: "} + X509_verify_cert_error_string(verified);
      io.reason = "TLS: " + io.reason;
    }
    return io;
  }

  Io read(char* into, std::size_t most) override {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(session_.get(), into, most, &got);
    return result == 1 ? done(got) : outcome(result);
  }

  // TLS has no gathering write: one piece, or as much as one record takes.
  Io write(std::span<const iovec> pieces) override {
    ERR_clear_error();
    std::size_t sent = 0;
    const int result =
        SSL_write_ex(session_.get(), pieces.front().iov_base, pieces.front().iov_len, &sent);
    return result == 1 ? done(sent) : outcome(result);
  }

  void close() override {
    ERR_clear_error();
    if (SSL_is_init_finished(session_.get())) SSL_shutdown(session_.get());
    ERR_clear_error();
  }

 private:
  Io outcome(int result) {
    const int system = errno;
    switch (SSL_get_error(session_.get(), result)) {
      case SSL_ERROR_WANT_READ: return {Outcome::wait_read, 0};
      case SSL_ERROR_WANT_WRITE: return {Outcome::wait_write, 0};
      case SSL_ERROR_ZERO_RETURN: return failed("closed by the peer");
      case SSL_ERROR_SYSCALL:
        ERR_clear_error();
        return failed(system == 0 ? "closed by the peer" : std::strerror(system));
      default: return failed(library_error("the peer breaks the protocol"));
    }
  }

  std::shared_ptr<ssl_ctx_st> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> session_;
};

// The names that a server's certificate may be for; false when the library has no memory.
bool expect_names(SSL* session, const std::vector<std::string>& names) {
  X509_VERIFY_PARAM* expected = SSL_get0_param(session);
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  bool named = false;
  for (const std::string& name : names) {
    if (IpAddress::parse(name)) {
      if (X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str()) != 1) return false;
      continue;
    }
    if (!named && SSL_set_tlsext_host_name(session, name.c_str()) != 1) return false;
    named = true;
    if (X509_VERIFY_PARAM_add1_host(expected, name.c_str(), name.size()) != 1) return false;
  }
  return true;
}

}  // namespace

std::vector<TlsFault> TlsContext::load(const TlsFiles& files, WallTime now) {
  const std::shared_ptr<ssl_ctx_st> fresh{
      SSL_CTX_new(role_ == TlsRole::server ? TLS_server_method() : TLS_client_method()),
      &SSL_CTX_free};
  if (!fresh) return {{What::certificate, library_error("the TLS library cannot start")}};
  SSL_CTX* context = fresh.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // A peer may close without the alert: messages are framed by themselves.
  SSL_CTX_set_options(
      context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);

  ERR_clear_error();
  Loader loader{context, now};
  if (!files.certificate.empty()) loader.certificate(files.certificate);
  if (!files.key.empty() && loader.faults.empty()) loader.key(files.key);
  if (!files.authorities.empty()) loader.authorities(files.authorities, role_ == TlsRole::server);
  if (role_ == TlsRole::client) {
    if (!files.server.empty()) {
      loader.server(files.server);
    } else if (files.authorities.empty()) {
      SSL_CTX_set_default_verify_paths(context);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  } else if (!files.authorities.empty()) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Sessions that are resumed carry no certificate of the client's.
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  }
  ERR_clear_error();
  if (!loader.faults.empty()) return loader.faults;
  context_ = fresh;
  expires_ = loader.expires;
  return {};
}

std::unique_ptr<Channel> TlsContext::channel(int fd, const std::vector<std::string>& names) const {
  if (!context_) return nullptr;
  std::unique_ptr<SSL, decltype(&SSL_free)> session{SSL_new(context_.get()), &SSL_free};
  if (!session || SSL_set_fd(session.get(), fd) != 1) return nullptr;
  if (role_ == TlsRole::server) {
    SSL_set_accept_state(session.get());
  } else {
    SSL_set_connect_state(session.get());
    if (!expect_names(session.get(), names)) return nullptr;
  }
  return std::make_unique<TlsChannel>(session.release(), context_);
}

}  // namespace usher::net
