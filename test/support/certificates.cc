#include "test/support/certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>

#include "source/base/check.h"

namespace pillion::test {
namespace {

void SetName(X509_NAME* name, const std::string& common_name) {
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.data()),
                             static_cast<int>(common_name.size()), -1, 0);
}

void AddExtension(X509* certificate, int id, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  PILLION_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

void AddText(GENERAL_NAMES* names, int type, const std::string& text) {
  ASN1_IA5STRING* string = ASN1_IA5STRING_new();
  ASN1_STRING_set(string, text.data(), static_cast<int>(text.size()));  // by length: a NUL may be in it
  GENERAL_NAME* name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, type, string);
  sk_GENERAL_NAME_push(names, name);
}

void AddNames(X509* certificate, const CertificateSpec& spec) {
  GENERAL_NAMES* names = GENERAL_NAMES_new();
  for (const std::string& uri : spec.uris) AddText(names, GEN_URI, uri);
  for (const std::string& dns : spec.dns) AddText(names, GEN_DNS, dns);
  for (const std::string& ip : spec.ips) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_IPADD, a2i_IPADDRESS(ip.c_str()));
    sk_GENERAL_NAME_push(names, name);
  }
  for (const std::string& other : spec.other_names) {
    const size_t semicolon = other.find(';');
    ASN1_UTF8STRING* string = ASN1_UTF8STRING_new();
    ASN1_STRING_set(string, other.data() + semicolon + 1, static_cast<int>(other.size() - semicolon - 1));
    ASN1_TYPE* value = ASN1_TYPE_new();
    ASN1_TYPE_set(value, V_ASN1_UTF8STRING, string);
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_othername(name, OBJ_txt2obj(other.substr(0, semicolon).c_str(), 1), value);
    sk_GENERAL_NAME_push(names, name);
  }
  if (sk_GENERAL_NAME_num(names) > 0) X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0);
  GENERAL_NAMES_free(names);
}

}  // namespace

std::string Issued::key_pem(const std::string& password) const {
  const identity::OwnedBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), password.empty() ? nullptr : EVP_aes_128_cbc(),
                                password.empty() ? nullptr : password.c_str(), static_cast<int>(password.size()), nullptr,
                                nullptr);
  char* data;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string Issued::RevocationsPem(const std::vector<const Issued*>& revoked) const {
  const identity::OwnedRevocations list(X509_CRL_new());
  X509_CRL_set_version(list.get(), 1);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(certificate_.get()));
  ASN1_TIME* time = X509_gmtime_adj(nullptr, -60);
  X509_CRL_set1_lastUpdate(list.get(), time);
  for (const Issued* issued : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(issued->certificate()));
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(list.get(), entry);
  }
  X509_gmtime_adj(time, 3600);
  X509_CRL_set1_nextUpdate(list.get(), time);
  ASN1_TIME_free(time);
  X509_CRL_sign(list.get(), key_.get(), EVP_sha256());
  const identity::OwnedBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_CRL(bio.get(), list.get());
  char* data;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string Issued::OcspResponse(const std::vector<const Issued*>& about, const OcspSpec& spec) const {
  OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
  ASN1_TIME* const begins = X509_gmtime_adj(nullptr, spec.begins_s);
  ASN1_TIME* const ends = spec.ends_s ? X509_gmtime_adj(nullptr, *spec.ends_s) : nullptr;
  for (const Issued* issued : about) {
    OCSP_CERTID* const id = OCSP_cert_to_id(EVP_sha1(), issued->certificate(), certificate());
    if (spec.revoked) {
      OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_REVOKED, OCSP_REVOKED_STATUS_NOSTATUS, begins, begins, ends);
    } else {
      OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, nullptr, begins, ends);
    }
    OCSP_CERTID_free(id);
  }
  PILLION_CHECK(OCSP_basic_sign(basic, certificate(), key(), EVP_sha256(), nullptr, 0) == 1);
  OCSP_RESPONSE* const response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &der);
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  OCSP_RESPONSE_free(response);
  OCSP_BASICRESP_free(basic);
  ASN1_TIME_free(begins);
  ASN1_TIME_free(ends);
  return bytes;
}

Issued IssueCertificate(const CertificateSpec& spec, const Issued* issuer) {
  static std::atomic<long> next_serial = 1000;
  identity::OwnedKey key(spec.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  identity::OwnedCertificate certificate(X509_new());
  X509* const made = certificate.get();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), next_serial++);
  X509_gmtime_adj(X509_getm_notBefore(made), spec.begins_s);
  X509_gmtime_adj(X509_getm_notAfter(made), spec.ends_s);
  X509_set_pubkey(made, key.get());
  SetName(X509_get_subject_name(made), spec.common_name);
  X509_set_issuer_name(made, X509_get_subject_name(issuer == nullptr ? made : issuer->certificate()));
  AddExtension(made, NID_basic_constraints, spec.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  AddExtension(made, NID_key_usage, spec.key_usage);
  AddExtension(made, NID_ext_key_usage, spec.extended_key_usage);
  AddExtension(made, NID_name_constraints, spec.name_constraints);
  if (spec.must_staple) AddExtension(made, NID_tlsfeature, "status_request");
  AddNames(made, spec);
  PILLION_CHECK(X509_sign(made, issuer == nullptr ? key.get() : issuer->key(), EVP_sha256()) != 0);
  return Issued(std::move(certificate), std::move(key));
}

}  // namespace pillion::test
