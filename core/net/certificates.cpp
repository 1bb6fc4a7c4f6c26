#include "core/net/certificates.hpp"

#include <sys/stat.h>

#include <boost/asio/steady_timer.hpp>

namespace usher::net {

namespace {

constexpr std::chrono::seconds kWatchEvery{10};

// Changes when a file is written, gets other rights, or another one takes its place.
std::string stamp_of(const TlsFiles& files) {
  std::string out;
  for (const std::string* path : {&files.certificate, &files.key, &files.authorities}) {
    struct stat found {};
    if (path->empty() || ::stat(path->c_str(), &found) != 0) {
      out += "-;";
      continue;
    }
    for (const auto number :
         {static_cast<std::int64_t>(found.st_ino), static_cast<std::int64_t>(found.st_size),
          static_cast<std::int64_t>(found.st_mtim.tv_sec),
          static_cast<std::int64_t>(found.st_mtim.tv_nsec),
          static_cast<std::int64_t>(found.st_ctim.tv_sec),
          static_cast<std::int64_t>(found.st_ctim.tv_nsec)}) {
      out.append(std::to_string(number)).append(",");
    }
    out += ";";
  }
  return out;
}

}  // namespace

struct Certificates::Watch {
  Watch(Certificates& of, Reactor& reactor, std::function<void(const Change&)> to)
      : certificates(of), timer(reactor.context()), tell(std::move(to)) {}

  void wait() {
    timer.expires_after(kWatchEvery);
    timer.async_wait([this](const boost::system::error_code& stopped) {
      if (stopped) return;
      for (const Change& change : certificates.refresh(Reactor::now().wall)) tell(change);
      wait();
    });
  }

  Certificates& certificates;
  boost::asio::steady_timer timer;
  std::function<void(const Change&)> tell;
};

Certificates::Certificates() = default;
Certificates::~Certificates() = default;

std::string Certificates::key_of(const Entry& entry, TlsFault::What what) {
  switch (what) {
    case TlsFault::What::certificate: return entry.section + ".certificate";
    case TlsFault::What::key: return entry.section + ".key";
    case TlsFault::What::authorities:
    case TlsFault::What::server: break;
  }
  return entry.section + "." + entry.authorities;
}

std::vector<ConfigFault> Certificates::load(const Config& config, WallTime now) {
  servers_.clear();
  std::vector<ConfigFault> faults;
  const auto read = [&](Entry& entry) {
    entry.stamp = stamp_of(entry.files);
    for (const TlsFault& fault : entry.context.load(entry.files, now))
      faults.push_back({config.file, key_of(entry, fault.what), fault.reason, 0});
  };
  for (std::size_t i = 0; i < config.listen.size(); ++i) {
    const ListenConfig& listen = config.listen[i];
    if (!is_secure(listen.transport)) continue;
    Entry& entry = servers_.try_emplace(ListenerId{static_cast<std::uint16_t>(i)}, TlsRole::server)
                       .first->second;
    entry.files = {listen.certificate, listen.key, listen.client_ca};
    entry.section = "listen[" + std::to_string(i) + "]";
    entry.authorities = "client_ca";
    read(entry);
  }
  admin_.reset();
  if (config.admin.has_tls()) {
    Entry& entry = admin_.emplace(TlsRole::server);
    entry.files = {config.admin.certificate, config.admin.key, config.admin.client_ca};
    entry.section = "admin";
    entry.authorities = "client_ca";
    read(entry);
  }
  client_.files = {config.tls.certificate, config.tls.key, config.tls.ca};
  client_.section = "tls";
  client_.authorities = "ca";
  read(client_);
  return faults;
}

// Told when 30, 14, 7, 3 and 1 days are left, and at the end; of what is loaded now.
void Certificates::look_at_end(Entry& entry, WallTime now, std::vector<Change>& out) {
  const auto end = entry.context.expires();
  if (!end) return;
  const auto left = std::chrono::floor<std::chrono::hours>(*end - now).count();
  int stage = 0;
  for (const int days : {30, 14, 7, 3, 1, 0}) stage += left < 24 * days ? 1 : 0;
  if (stage > entry.told_stage) {
    const std::string key = key_of(entry, TlsFault::What::certificate);
    out.push_back({false, left < 0
                              ? key + ": the certificate has ended: nobody who checks it connects"
                              : key + ": the certificate ends in " + std::to_string(left / 24) +
                                    " days and " + std::to_string(left % 24) + " hours"});
  }
  entry.told_stage = stage;
}

void Certificates::refresh(Entry& entry, WallTime now, std::vector<Change>& out) {
  std::string stamp = stamp_of(entry.files);
  // One that is not valid yet becomes so without a change.
  if (stamp == entry.stamp && entry.faults.empty()) return look_at_end(entry, now, out);
  const bool changed = stamp != entry.stamp;
  entry.stamp = std::move(stamp);
  const std::vector<TlsFault> faults = entry.context.load(entry.files, now);
  std::vector<std::string> told;
  for (const TlsFault& fault : faults)
    told.push_back(key_of(entry, fault.what) + ": " + fault.reason +
                   "; what was read before stays in force");
  if (changed || told != entry.faults) {
    for (const std::string& text : told) out.push_back({false, text});
  }
  entry.faults = std::move(told);
  if (faults.empty())
    out.push_back(
        {true, entry.section + ": the changed TLS files are in force for new connections"});
  look_at_end(entry, now, out);
}

std::vector<Certificates::Change> Certificates::refresh(WallTime now) {
  std::vector<Change> out;
  for (auto& [id, entry] : servers_) refresh(entry, now, out);
  if (admin_) refresh(*admin_, now, out);
  refresh(client_, now, out);
  return out;
}

void Certificates::watch(Reactor& reactor, std::function<void(const Change&)> tell) {
  watch_ = std::make_unique<Watch>(*this, reactor, std::move(tell));
  watch_->wait();
}

const TlsContext* Certificates::server(ListenerId listener) const {
  const auto found = servers_.find(listener);
  return found == servers_.end() ? nullptr : &found->second.context;
}

std::vector<Certificates::Expiry> Certificates::expiries() const {
  std::vector<Expiry> out;
  const auto add = [&](const Entry& entry) {
    if (const auto at = entry.context.expires())
      out.push_back({key_of(entry, TlsFault::What::certificate), *at});
  };
  for (const auto& [id, entry] : servers_) add(entry);
  if (admin_) add(*admin_);
  add(client_);
  return out;
}

}  // namespace usher::net
