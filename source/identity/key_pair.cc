#include "source/identity/key_pair.h"

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstring>

#include "source/identity/text.h"

namespace pillion::identity {
namespace {

struct Password {
  std::string_view text;
  bool asked = false;
};

int GivePassword(char* to, int size, int, void* from) {
  Password& password = *static_cast<Password*>(from);
  password.asked = true;
  // Nobody sits at the terminal.
  if (password.text.empty() || password.text.size() > static_cast<size_t>(size)) return -1;
  std::memcpy(to, password.text.data(), password.text.size());
  return static_cast<int>(password.text.size());
}

// The first private key of a text. `type` is what it should be of: to try every type takes OpenSSL longer than all else that
// is done when a certificate is replaced, so that is left to keys of another type, and texts that begin with something else.
OwnedKey ReadKey(std::string_view pem, const char* type, Password& password) {
  const auto* at = reinterpret_cast<const unsigned char*>(pem.data());
  size_t left = pem.size();
  EVP_PKEY* key = nullptr;
  const OwnedDecoder decoder(
      OSSL_DECODER_CTX_new_for_pkey(&key, "PEM", nullptr, type, EVP_PKEY_KEYPAIR, nullptr, nullptr));
  OSSL_DECODER_CTX_set_pem_password_cb(decoder.get(), GivePassword, &password);
  const bool read = OSSL_DECODER_from_data(decoder.get(), &at, &left) == 1;
  OwnedKey found(key);
  if (read && found != nullptr) return found;
  ERR_clear_error();
  const OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return OwnedKey(PEM_read_bio_PrivateKey(bio.get(), nullptr, GivePassword, &password));
}

std::string KeyError(const Password& password) {
  const std::string error = TakeOpenSslError();
  if (password.asked && password.text.empty()) return "the key is encrypted, and no password is given";
  if (password.asked) return Concat("the key can't be decrypted with the password: ", error);
  return Concat("holds no private key in PEM form: ", error);
}

}  // namespace

std::variant<KeyPair, KeyPairError> ReadKeyPair(std::string_view chain_pem, std::string_view key_pem,
                                                std::string_view password) {
  absl::StatusOr<CertificateStack> chain = ReadCertificates(chain_pem);
  if (!chain.ok()) return KeyPairError{KeyPairPart::kChain, std::string(chain.status().message())};
  KeyPair pair{.chain = *std::move(chain), .key = nullptr};
  pair.must_staple = MustStaple(pair.leaf());
  EVP_PKEY* const public_key = X509_get0_pubkey(pair.leaf());
  if (public_key == nullptr) {
    return KeyPairError{KeyPairPart::kChain, Concat("the certificate's key can't be read: ", TakeOpenSslError())};
  }
  Password given{password};
  pair.key = ReadKey(key_pem, EVP_PKEY_get0_type_name(public_key), given);
  if (pair.key == nullptr) return KeyPairError{KeyPairPart::kKey, KeyError(given)};
  if (EVP_PKEY_eq(public_key, pair.key.get()) != 1) {
    ERR_clear_error();
    return KeyPairError{KeyPairPart::kBoth, Concat("the private key is not that of the certificate of ",
                                                         Quote(OwnerText(pair.leaf())))};
  }
  const int type = EVP_PKEY_get_base_id(pair.key.get());
  const int bits = EVP_PKEY_get_bits(pair.key.get());
  if (type == EVP_PKEY_RSA && bits < 2048) {
    return KeyPairError{KeyPairPart::kBoth, Concat("an RSA key of ", bits, " bits, expected at least 2048")};
  }
  if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC && type != EVP_PKEY_ED25519) {
    return KeyPairError{KeyPairPart::kBoth, "a key that is neither RSA nor ECDSA nor Ed25519"};
  }
  return pair;
}

}  // namespace pillion::identity
