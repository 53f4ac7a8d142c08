#pragma once

// OpenSSL's objects with an owner.

#include <openssl/bio.h>
#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace pillion::identity {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using OwnedCertificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using OwnedKey = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using OwnedRevocations = std::unique_ptr<X509_CRL, FreeWith<X509_CRL_free>>;
using OwnedBio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using OwnedDecoder = std::unique_ptr<OSSL_DECODER_CTX, FreeWith<OSSL_DECODER_CTX_free>>;
using OwnedNames = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

inline void FreeCertificates(STACK_OF(X509)* stack) { sk_X509_pop_free(stack, X509_free); }
inline void FreeRevocations(STACK_OF(X509_CRL)* stack) { sk_X509_CRL_pop_free(stack, X509_CRL_free); }
using CertificateStack = std::unique_ptr<STACK_OF(X509), FreeWith<FreeCertificates>>;
using RevocationStack = std::unique_ptr<STACK_OF(X509_CRL), FreeWith<FreeRevocations>>;

}  // namespace pillion::identity
