#include "source/tls/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace pillion::tls {

TicketKeys::Key::~Key() {
  OPENSSL_cleanse(mac.data(), mac.size());
  OPENSSL_cleanse(cipher.data(), cipher.size());
}

TicketKeys::TicketKeys(const std::vector<std::string>& given) : given_(true) {
  for (const std::string& bytes : given) {
    Key& key = keys_.emplace_back();
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    std::copy_n(at, key.name.size(), key.name.begin());
    std::copy_n(at + 16, key.mac.size(), key.mac.begin());
    std::copy_n(at + 48, key.cipher.size(), key.cipher.begin());
  }
}

// The one before stays, so that no ticket ends before its time; a clock that was set back makes none older.
bool TicketKeys::Renew(absl::Time now) {
  if (given_ || (!keys_.empty() && now - keys_.front().made < kLife)) return true;
  Key key;
  key.made = now;
  if (RAND_bytes(key.name.data(), key.name.size()) != 1 || RAND_priv_bytes(key.mac.data(), key.mac.size()) != 1 ||
      RAND_priv_bytes(key.cipher.data(), key.cipher.size()) != 1) {
    return false;
  }
  if (!keys_.empty() && now - keys_.front().made >= 2 * kLife) keys_.clear();
  keys_.insert(keys_.begin(), key);
  if (keys_.size() > 2) keys_.pop_back();
  return true;
}

bool TicketKeys::Prepare(const Key& key, const unsigned char* iv, bool seals, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.mac.data()), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
         EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv, seals ? 1 : 0) == 1;
}

bool TicketKeys::Seal(absl::Time now, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  const absl::MutexLock lock(&mutex_);
  if (!Renew(now) || RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return false;
  std::copy(keys_.front().name.begin(), keys_.front().name.end(), name);
  return Prepare(keys_.front(), iv, true, cipher, mac);
}

TicketKeys::Opening TicketKeys::Open(absl::Time now, const unsigned char* name, const unsigned char* iv,
                                     EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  const absl::MutexLock lock(&mutex_);
  if (!Renew(now)) return Opening::kUnknown;
  for (const Key& key : keys_) {
    if (std::memcmp(key.name.data(), name, key.name.size()) != 0) continue;
    if (!Prepare(key, iv, false, cipher, mac)) return Opening::kUnknown;
    return &key == &keys_.front() ? Opening::kGood : Opening::kOld;
  }
  return Opening::kUnknown;
}

}  // namespace pillion::tls
