#include "source/identity/certificate.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "source/identity/certificate_pool.h"
#include "source/identity/text.h"

namespace pillion::identity {
namespace {

std::string_view BytesOf(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)), static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string MemoryText(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string NameText(const X509_NAME* name) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  return MemoryText(bio.get());
}

std::string Digest(std::string_view der, const EVP_MD* digest) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned int size = 0;
  if (EVP_Digest(der.data(), der.size(), bytes.data(), &size, digest, nullptr) != 1) return "";
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string IpText(std::string_view bytes) {
  char text[INET6_ADDRSTRLEN];
  const int family = bytes.size() == 4 ? AF_INET : bytes.size() == 16 ? AF_INET6 : AF_UNSPEC;
  if (family == AF_UNSPEC || inet_ntop(family, bytes.data(), text, sizeof text) == nullptr) return "";
  return text;
}

std::string OidText(const ASN1_OBJECT* object) {
  char text[128];
  const int size = OBJ_obj2txt(text, sizeof text, object, 1);
  return size > 0 ? std::string(text, std::min<size_t>(static_cast<size_t>(size), sizeof text - 1)) : "";
}

// Nobody sits at the terminal, where OpenSSL would ask.
int RefusePassword(char*, int, int, void*) { return -1; }

bool Has(const STACK_OF(X509) * stack, const X509* certificate) {
  for (int i = 0; i < sk_X509_num(stack); ++i) {
    if (X509_cmp(sk_X509_value(stack, i), certificate) == 0) return true;
  }
  return false;
}

// They would begin lines of their own in a log, and fields in a message.
bool IsControl(char c) { return (c >= 0 && c < ' ') || c == 0x7f; }

// Names of kinds that nobody can ask for are left out.
void AddName(const GENERAL_NAME* name, std::vector<SubjectName>& names) {
  switch (name->type) {
    case GEN_EMAIL:
      names.push_back({NameType::kEmail, std::string(BytesOf(name->d.rfc822Name))});
      break;
    case GEN_DNS:
      names.push_back({NameType::kDns, std::string(BytesOf(name->d.dNSName))});
      break;
    case GEN_URI:
      names.push_back({NameType::kUri, std::string(BytesOf(name->d.uniformResourceIdentifier))});
      break;
    case GEN_IPADD:
      if (std::string text = IpText(BytesOf(name->d.iPAddress)); !text.empty()) {
        names.push_back({NameType::kIp, std::move(text)});
      }
      break;
    case GEN_OTHERNAME: {
      const ASN1_TYPE* const value = name->d.otherName->value;
      switch (value->type) {
        case V_ASN1_UTF8STRING:
        case V_ASN1_IA5STRING:
        case V_ASN1_PRINTABLESTRING:
        case V_ASN1_VISIBLESTRING:
        case V_ASN1_T61STRING:
          names.push_back({NameType::kOther, std::string(BytesOf(value->value.asn1_string)),
                           OidText(name->d.otherName->type_id)});
          break;
        default:
          break;
      }
      break;
    }
    default:
      break;
  }
}

}  // namespace

absl::StatusOr<std::vector<SubjectName>> SubjectNames(const X509* certificate) {
  int found = 0;
  const OwnedNames list(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, nullptr)));
  std::vector<SubjectName> names;
  if (list == nullptr) {
    if (found == -1) return names;
    ERR_clear_error();
    return absl::InvalidArgumentError(found == -2 ? "the certificate has two lists of subject alternative names"
                                                  : "the certificate's subject alternative names can't be read");
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(list.get()); ++i) AddName(sk_GENERAL_NAME_value(list.get(), i), names);
  for (const SubjectName& name : names) {
    if (std::any_of(name.text.begin(), name.text.end(), IsControl)) {
      return absl::InvalidArgumentError(
          Concat("the subject alternative name ", Quote(name.text), " has a ",
                 name.text.find('\0') != name.text.npos ? "NUL byte" : "control character"));
    }
  }
  return names;
}

std::string SubjectText(const X509* certificate) { return NameText(X509_get_subject_name(certificate)); }

std::string OwnerText(const X509* certificate) {
  const absl::StatusOr<std::vector<SubjectName>> names = SubjectNames(certificate);
  for (const NameType type : {NameType::kUri, NameType::kDns}) {
    for (size_t i = 0; names.ok() && i < names->size(); ++i) {
      if ((*names)[i].type == type) return (*names)[i].text;
    }
  }
  return SubjectText(certificate);
}

std::string IssuerText(const X509* certificate) { return NameText(X509_get_issuer_name(certificate)); }

std::string SerialText(const X509* certificate) {
  BIGNUM* const number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  char* const text = number == nullptr ? nullptr : BN_bn2hex(number);
  std::string result = text == nullptr ? "" : Lowered(text);
  OPENSSL_free(text);
  BN_free(number);
  return result;
}

std::string DerText(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return {};
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

OwnedCertificate FromDer(std::string_view der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  return OwnedCertificate(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
}

std::string Sha256Fingerprint(std::string_view der) { return Digest(der, EVP_sha256()); }
std::string Sha1Fingerprint(std::string_view der) { return Digest(der, EVP_sha1()); }
std::string Sha256Fingerprint(const X509* certificate) { return Sha256Fingerprint(DerText(certificate)); }
std::string Sha1Fingerprint(const X509* certificate) { return Sha1Fingerprint(DerText(certificate)); }

std::string SpkiPin(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return "";
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(der, static_cast<size_t>(size), digest.data());
  OPENSSL_free(der);
  std::array<unsigned char, 4 * (SHA256_DIGEST_LENGTH / 3 + 1) + 1> text;
  const int length = EVP_EncodeBlock(text.data(), digest.data(), digest.size());
  return std::string(reinterpret_cast<const char*>(text.data()), static_cast<size_t>(length));
}

std::string PemText(const X509* certificate) { return PemText(DerText(certificate)); }

std::string PemText(std::string_view der) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio(bio.get(), PEM_STRING_X509, "", reinterpret_cast<const unsigned char*>(der.data()),
                static_cast<long>(der.size()));
  return MemoryText(bio.get());
}

absl::Time NotBefore(const X509* certificate) { return TimeOf(X509_get0_notBefore(certificate)); }
absl::Time NotAfter(const X509* certificate) { return TimeOf(X509_get0_notAfter(certificate)); }

bool HasIssued(X509* ca, X509_CRL* list) {
  if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(ca)) != 0) return false;
  EVP_PKEY* const key = X509_get0_pubkey(ca);
  const bool signed_by = key != nullptr && X509_CRL_verify(list, key) == 1;
  ERR_clear_error();
  return signed_by;
}

std::string TakeOpenSslError() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* const reason = ERR_reason_error_string(error);
  return reason == nullptr ? "unknown error" : reason;
}

absl::StatusOr<CertificateStack> ReadCertificates(std::string_view pem) {
  ERR_clear_error();
  const OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CertificateStack stack(sk_X509_new_null());
  unsigned char* der = nullptr;
  long size = 0;
  while (PEM_bytes_read_bio(&der, &size, nullptr, PEM_STRING_X509_TRUSTED, bio.get(), RefusePassword, nullptr) == 1) {
    OwnedCertificate certificate =
        CertificatePool::Shared().Get({reinterpret_cast<const char*>(der), static_cast<size_t>(size)});
    OPENSSL_free(der);
    if (certificate == nullptr) break;
    if (Has(stack.get(), certificate.get())) continue;
    if (sk_X509_num(stack.get()) == kMostCertificates) {
      return absl::InvalidArgumentError(Concat("holds more than ", kMostCertificates, " certificates"));
    }
    sk_X509_push(stack.get(), certificate.release());
  }
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string error = TakeOpenSslError();
  if (!ended) return absl::InvalidArgumentError(Concat("a certificate can't be read: ", error));
  if (sk_X509_num(stack.get()) == 0) return absl::InvalidArgumentError("holds no certificate in PEM form");
  return stack;
}

absl::StatusOr<absl::Time> FirstNotAfter(std::string_view pem) {
  const absl::StatusOr<CertificateStack> certificates = ReadCertificates(pem);
  if (!certificates.ok()) return certificates.status();
  return NotAfter(sk_X509_value(certificates->get(), 0));
}

absl::StatusOr<RevocationStack> ReadRevocations(std::string_view pem) {
  ERR_clear_error();
  const OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  RevocationStack stack(sk_X509_CRL_new_null());
  while (X509_CRL* list = PEM_read_bio_X509_CRL(bio.get(), nullptr, RefusePassword, nullptr)) {
    sk_X509_CRL_push(stack.get(), list);
  }
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string error = TakeOpenSslError();
  if (!ended) return absl::InvalidArgumentError(Concat("a revocation list can't be read: ", error));
  if (sk_X509_CRL_num(stack.get()) == 0) return absl::InvalidArgumentError("holds no revocation list in PEM form");
  return stack;
}

}  // namespace pillion::identity
