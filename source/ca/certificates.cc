#include "source/ca/certificates.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>

#include "source/identity/text.h"

namespace pillion::ca {
namespace {

using identity::Concat;
using OwnedExtension = std::unique_ptr<X509_EXTENSION, identity::FreeWith<X509_EXTENSION_free>>;
using OwnedInteger = std::unique_ptr<ASN1_INTEGER, identity::FreeWith<ASN1_INTEGER_free>>;
using OwnedNumber = std::unique_ptr<BIGNUM, identity::FreeWith<BN_free>>;
using OwnedPkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, identity::FreeWith<PKCS8_PRIV_KEY_INFO_free>>;

absl::Status Failed(std::string_view what) {
  return absl::InternalError(Concat(what, ": ", identity::TakeOpenSslError()));
}

// Random, and so long that nobody has to remember which were used: 127 bits, where RFC 5280 (4.1.2.2) allows 159.
bool SetSerial(X509* certificate) {
  std::array<unsigned char, 16> bytes;
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x3f) | 0x40);  // positive, and of one length
  const OwnedNumber number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  const OwnedInteger serial(BN_to_ASN1_INTEGER(number.get(), nullptr));
  return X509_set_serialNumber(certificate, serial.get()) == 1;
}

bool SetDates(X509* certificate, Validity validity) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(validity.begin)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(validity.end)) != nullptr;
}

bool AddName(X509_NAME* name, const char* field, const std::string& text) {
  return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

// `value` is in the syntax of OpenSSL's configuration: nothing of it may come from outside unchecked.
bool AddExtension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const OwnedExtension extension(X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// What roots and SVIDs have in common: all but names, extensions and signature.
absl::StatusOr<identity::KeyPair> Begin(Validity validity) {
  identity::KeyPair pair{.chain = identity::CertificateStack(sk_X509_new_null()),
                         .key = identity::OwnedKey(EVP_EC_gen("P-256"))};
  if (pair.key == nullptr) return Failed("making a key");
  identity::OwnedCertificate certificate(X509_new());
  if (certificate == nullptr || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !SetSerial(certificate.get()) || !SetDates(certificate.get(), validity) ||
      X509_set_pubkey(certificate.get(), pair.key.get()) != 1 ||
      sk_X509_push(pair.chain.get(), certificate.get()) == 0) {
    return Failed("making a certificate");
  }
  certificate.release();
  return pair;
}

std::string Bytes(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

}  // namespace

absl::StatusOr<identity::KeyPair> MakeRoot(std::string_view trust_domain, Validity validity) {
  absl::StatusOr<identity::KeyPair> made = Begin(validity);
  if (!made.ok()) return made;
  X509* const root = made->leaf();
  // Roots of one trust domain differ in their names: whoever builds a chain finds the right one by it.
  X509_NAME* const name = X509_get_subject_name(root);
  const std::string serial = identity::SerialText(root);
  if (!AddName(name, "O", "pillionctl ca") || !AddName(name, "CN", Concat("root ", serial.substr(0, 8))) ||
      X509_set_issuer_name(root, name) != 1 ||
      !AddExtension(root, root, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(root, root, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(root, root, NID_subject_key_identifier, "hash") ||
      !AddExtension(root, root, NID_subject_alt_name, Concat("URI:spiffe://", trust_domain)) ||
      X509_sign(root, made->key.get(), EVP_sha256()) == 0) {
    return Failed("making a root");
  }
  return made;
}

absl::StatusOr<identity::KeyPair> MakeSvid(const identity::KeyPair& root, std::string_view spiffe_id,
                                           Validity validity) {
  absl::StatusOr<identity::KeyPair> made = Begin(validity);
  if (!made.ok()) return made;
  X509* const leaf = made->leaf();
  if (!AddName(X509_get_subject_name(leaf), "O", "pillionctl ca") ||
      X509_set_issuer_name(leaf, X509_get_subject_name(root.leaf())) != 1 ||
      !AddExtension(leaf, root.leaf(), NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(leaf, root.leaf(), NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(leaf, root.leaf(), NID_ext_key_usage, "serverAuth,clientAuth") ||
      !AddExtension(leaf, root.leaf(), NID_subject_key_identifier, "hash") ||
      !AddExtension(leaf, root.leaf(), NID_authority_key_identifier, "keyid:always") ||
      !AddExtension(leaf, root.leaf(), NID_subject_alt_name, Concat("URI:", spiffe_id)) ||
      X509_sign(leaf, root.key.get(), EVP_sha256()) == 0) {
    return Failed("making an SVID");
  }
  return made;
}

std::string CertificateDer(X509* certificate) {
  const identity::OwnedBio bio(BIO_new(BIO_s_mem()));
  i2d_X509_bio(bio.get(), certificate);
  return Bytes(bio.get());
}

std::string KeyDer(EVP_PKEY* key) {
  const identity::OwnedBio bio(BIO_new(BIO_s_mem()));
  const OwnedPkcs8 plain(EVP_PKEY2PKCS8(key));
  i2d_PKCS8_PRIV_KEY_INFO_bio(bio.get(), plain.get());
  return Bytes(bio.get());
}

std::string KeyPem(EVP_PKEY* key) {
  const identity::OwnedBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return Bytes(bio.get());
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace pillion::ca
