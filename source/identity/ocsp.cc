#include "source/identity/ocsp.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <ctime>

#include "source/identity/certificate.h"
#include "source/identity/text.h"

namespace pillion::identity {
namespace {

using OwnedResponse = std::unique_ptr<OCSP_RESPONSE, FreeWith<OCSP_RESPONSE_free>>;
using OwnedBasic = std::unique_ptr<OCSP_BASICRESP, FreeWith<OCSP_BASICRESP_free>>;
using OwnedId = std::unique_ptr<OCSP_CERTID, FreeWith<OCSP_CERTID_free>>;

std::optional<absl::Time> TimeOf(const ASN1_GENERALIZEDTIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return absl::FromTM(parts, absl::UTCTimeZone());
}

// By its number, and by its issuer where that is in the chain.
bool IsOf(const OCSP_CERTID* id, const STACK_OF(X509) * chain) {
  ASN1_INTEGER* serial = nullptr;
  ASN1_OBJECT* digest = nullptr;
  OCSP_id_get0_info(nullptr, &digest, nullptr, &serial, const_cast<OCSP_CERTID*>(id));
  const X509* const leaf = sk_X509_value(chain, 0);
  if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) != 0) return false;
  const EVP_MD* const known = EVP_get_digestbyobj(digest);
  if (sk_X509_num(chain) < 2 || known == nullptr) return true;
  const OwnedId expected(OCSP_cert_to_id(known, leaf, sk_X509_value(chain, 1)));
  return expected == nullptr || OCSP_id_issuer_cmp(expected.get(), id) == 0;
}

}  // namespace

absl::StatusOr<OcspResponse> ReadOcspResponse(std::string_view der, const STACK_OF(X509) * chain) {
  const auto refused = [](std::string text) {
    ERR_clear_error();
    return absl::InvalidArgumentError(text);
  };
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = at + der.size();
  const OwnedResponse response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (response == nullptr) return refused("no OCSP response in DER form");
  if (at != end) return refused(Concat(end - at, " bytes behind an OCSP response"));
  const int status = OCSP_response_status(response.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return refused(Concat("a response that says ", OCSP_response_status_str(status), " and nothing of a certificate"));
  }
  const OwnedBasic basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr) return refused("a response of another kind than id-pkix-ocsp-basic");
  if (OCSP_resp_count(basic.get()) != 1) {
    return refused(Concat("a response about ", OCSP_resp_count(basic.get()), " certificates, expected one"));
  }
  OCSP_SINGLERESP* const single = OCSP_resp_get0(basic.get(), 0);
  if (!IsOf(OCSP_SINGLERESP_get0_id(single), chain)) {
    ASN1_INTEGER* serial = nullptr;
    OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single)));
    const std::unique_ptr<BIGNUM, FreeWith<BN_free>> number(ASN1_INTEGER_to_BN(serial, nullptr));
    char* const digits = number == nullptr ? nullptr : BN_bn2hex(number.get());
    const std::string other = digits == nullptr ? "" : Lowered(digits);
    OPENSSL_free(digits);
    return refused(Concat("a response about certificate ", other, ", but this one is ", SerialText(sk_X509_value(chain, 0)),
                          " of ", Quote(IssuerText(sk_X509_value(chain, 0)))));
  }
  ASN1_GENERALIZEDTIME* begins = nullptr;
  ASN1_GENERALIZEDTIME* ends = nullptr;
  const int said = OCSP_single_get0_status(single, nullptr, nullptr, &begins, &ends);
  const std::optional<absl::Time> from = TimeOf(begins);
  if (!from) return refused("a response without a time");
  ERR_clear_error();
  return OcspResponse{.der = std::string(der),
                      .begins = *from,
                      .ends = TimeOf(ends).value_or(*from),
                      .good = said == V_OCSP_CERTSTATUS_GOOD};
}

bool MustStaple(const X509* certificate) {
  constexpr long kStatusRequest = 5;
  auto* const features =
      static_cast<STACK_OF(ASN1_INTEGER)*>(X509_get_ext_d2i(certificate, NID_tlsfeature, nullptr, nullptr));
  bool found = false;
  for (int i = 0; i < sk_ASN1_INTEGER_num(features); ++i) {
    found = found || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == kStatusRequest;
  }
  sk_ASN1_INTEGER_pop_free(features, ASN1_INTEGER_free);
  return found;
}

}  // namespace pillion::identity
