// Certificates made by the test, in a directory that goes with it.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace usher::test {

class Authority {
 public:
  struct Wanted {
    std::string name = "edge.example.com";       // a DNS name; with "IP:" in front an address
    std::chrono::seconds from{-3600}, to{3600};  // relative to the system's clock
  };

  Authority() {
    std::string pattern = (std::filesystem::temp_directory_path() / "usher-tls-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    key_ = make_key();
    certificate_ = make({"authority"}, key_.get(), nullptr);
    write_certificate(ca(), certificate_.get());
  }
  ~Authority() { std::filesystem::remove_all(directory_); }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  std::string path(const std::string& file) const { return directory_ + "/" + file; }
  std::string ca() const { return path("ca.pem"); }

  // Writes NAME.pem and NAME.key.
  void issue(const std::string& file, const Wanted& wanted) const {
    const Key key = make_key();
    write_certificate(path(file + ".pem"), make(wanted, key.get(), certificate_.get()).get());
    std::FILE* out = std::fopen(path(file + ".key").c_str(), "w");
    PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
  }
  void write(const std::string& file, const std::string& text) const {
    std::FILE* out = std::fopen(path(file).c_str(), "w");
    std::fwrite(text.data(), 1, text.size(), out);
    std::fclose(out);
  }

 private:
  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

  static Key make_key() { return {EVP_EC_gen("P-256"), &EVP_PKEY_free}; }

  static void extend(X509* certificate, X509* issuer, int which, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, which, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  // Signed by `issuer`, or by itself as an authority.
  Certificate make(const Wanted& wanted, EVP_PKEY* key, X509* issuer) const {
    static long serial = 0;
    Certificate made{X509_new(), &X509_free};
    X509* c = made.get();
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(c), wanted.from.count());
    X509_gmtime_adj(X509_getm_notAfter(c), wanted.to.count());
    X509_set_pubkey(c, key);
    X509_NAME* subject = X509_get_subject_name(c);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(wanted.name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(c, issuer ? X509_get_subject_name(issuer) : subject);
    if (issuer) {
      const std::string name = wanted.name.starts_with("IP:") ? wanted.name : "DNS:" + wanted.name;
      extend(c, issuer, NID_subject_alt_name, name.c_str());
    } else {
      extend(c, c, NID_basic_constraints, "critical,CA:TRUE");
    }
    X509_sign(c, issuer ? key_.get() : key, EVP_sha256());
    return made;
  }

  static void write_certificate(const std::string& path, X509* certificate) {
    std::FILE* out = std::fopen(path.c_str(), "w");
    PEM_write_X509(out, certificate);
    std::fclose(out);
  }

  std::string directory_;
  Key key_{nullptr, &EVP_PKEY_free};
  Certificate certificate_{nullptr, &X509_free};
};

}  // namespace usher::test
