#pragma once

// What stands in a certificate. Names are taken by their length: a NUL in one, as any control character, is a byte like
// others, which no matcher ever gets to see, because such a certificate is refused.

#include <openssl/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "source/identity/owned.h"

namespace pillion::identity {

enum class NameType : uint8_t { kEmail, kDns, kUri, kIp, kOther };

// A subject alternative name. An IP address is in its usual text form, another name is its string's bytes.
struct SubjectName {
  NameType type;
  std::string text;
  std::string oid = {};  // of another name: which
};

// In their order. An error says what is wrong with the extension or a name: it does not parse, there are two such
// extensions, or a name has a control character.
absl::StatusOr<std::vector<SubjectName>> SubjectNames(const X509* certificate);

std::string SubjectText(const X509* certificate);  // RFC 2253
// Whom people know it by: its first URI, else its first DNS name, else its subject.
std::string OwnerText(const X509* certificate);
std::string IssuerText(const X509* certificate);
std::string SerialText(const X509* certificate);   // hexadecimal
std::string Sha256Fingerprint(const X509* certificate);  // of the DER form, hexadecimal
std::string Sha1Fingerprint(const X509* certificate);
std::string SpkiPin(const X509* certificate);  // SHA-256 of its public key's DER form, base64
std::string PemText(const X509* certificate);
std::string DerText(const X509* certificate);  // its bytes
OwnedCertificate FromDer(std::string_view der);  // null: it is none
// The same of a certificate as it comes, which need not be parsed for that.
std::string Sha256Fingerprint(std::string_view der);
std::string Sha1Fingerprint(std::string_view der);
std::string PemText(std::string_view der);
absl::Time NotBefore(const X509* certificate);
absl::Time NotAfter(const X509* certificate);

// Of a bundle, or a chain: each costs what parsing it takes, and a server names those of its CAs to each client.
inline constexpr int kMostCertificates = 256;

// The certificates of a PEM text, equal ones once; an error where there is none, or there are more than that, or what looks
// like one can't be read.
absl::StatusOr<CertificateStack> ReadCertificates(std::string_view pem);
// The end of the first of them: of a chain, that of its leaf.
absl::StatusOr<absl::Time> FirstNotAfter(std::string_view pem);
absl::StatusOr<RevocationStack> ReadRevocations(std::string_view pem);

// Whether the list is `ca`'s, by its name and by its key.
bool HasIssued(X509* ca, X509_CRL* list);

// What OpenSSL says was wrong last, and forgets it.
std::string TakeOpenSslError();

}  // namespace pillion::identity
