#include "source/tls/traffic_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <string_view>

#include "source/base/check.h"

namespace pillion::tls {
namespace {

// Fetched once, for each use would fetch them anew. They are never freed.
const EVP_CIPHER* CipherOf(Suite suite) {
  static const EVP_CIPHER* const aes128 = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  static const EVP_CIPHER* const aes256 = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  static const EVP_CIPHER* const chacha20 = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  switch (suite) {
    case Suite::kAes128Gcm:
      return aes128;
    case Suite::kAes256Gcm:
      return aes256;
    case Suite::kChacha20Poly1305:
      return chacha20;
  }
  return nullptr;
}

const EVP_MD* DigestOf(Suite suite) {
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static const EVP_MD* const sha384 = EVP_MD_fetch(nullptr, "SHA384", nullptr);
  return suite == Suite::kAes256Gcm ? sha384 : sha256;
}

// HMAC (RFC 2104) of a short message, by a key that is no longer than one block. OpenSSL's own looks itself up each time.
void Hmac(const EVP_MD* digest, std::span<const unsigned char> key, std::span<const unsigned char> message,
          std::array<unsigned char, EVP_MAX_MD_SIZE>& hash) {
  constexpr size_t kMostBlock = 128;
  std::array<unsigned char, 2 * kMostBlock> text;
  const auto block = static_cast<size_t>(EVP_MD_get_block_size(digest));
  PILLION_CHECK(key.size() <= block && block <= kMostBlock && message.size() <= kMostBlock);
  const auto pad = [&](unsigned char with) {
    for (size_t i = 0; i < block; ++i) text[i] = with ^ (i < key.size() ? key[i] : 0);
  };
  unsigned int size = 0;
  pad(0x36);
  std::ranges::copy(message, text.begin() + block);
  EVP_Digest(text.data(), block + message.size(), hash.data(), &size, digest, nullptr);
  pad(0x5c);
  std::copy_n(hash.begin(), size, text.begin() + block);
  EVP_Digest(text.data(), block + size, hash.data(), &size, digest, nullptr);
  OPENSSL_cleanse(text.data(), text.size());
}

// HKDF-Expand-Label with an empty context (7.1). What is asked for is never longer than one hash.
void ExpandLabel(Suite suite, const TrafficSecret& secret, std::string_view label, std::span<unsigned char> out) {
  std::array<unsigned char, 64> info;
  size_t size = 0;
  info[size++] = 0;
  info[size++] = static_cast<unsigned char>(out.size());
  info[size++] = static_cast<unsigned char>(6 + label.size());
  for (const std::string_view part : {std::string_view("tls13 "), label}) {
    size = static_cast<size_t>(std::copy(part.begin(), part.end(), info.begin() + size) - info.begin());
  }
  info[size++] = 0;  // the context's length
  info[size++] = 1;  // HKDF-Expand's counter (RFC 5869, 2.3)
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  const EVP_MD* const digest = DigestOf(suite);
  PILLION_CHECK(out.size() <= static_cast<size_t>(EVP_MD_get_size(digest)));
  Hmac(digest, {secret.bytes.data(), secret.size}, {info.data(), size}, hash);
  std::copy_n(hash.begin(), out.size(), out.begin());
  OPENSSL_cleanse(hash.data(), hash.size());
}

}  // namespace

TrafficSecret::~TrafficSecret() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

TrafficKey::TrafficKey(Suite suite, const TrafficSecret& secret, bool seals)
    : suite_(suite), seals_(seals), secret_(secret), cipher_(EVP_CIPHER_CTX_new()) {
  EVP_CipherInit_ex(cipher_, CipherOf(suite_), nullptr, nullptr, nullptr, seals_ ? 1 : 0);
  MakeKey();
}

TrafficKey::~TrafficKey() { EVP_CIPHER_CTX_free(cipher_); }

void TrafficKey::MakeKey() {
  std::array<unsigned char, 32> key;
  const size_t size = suite_ == Suite::kAes128Gcm ? 16 : 32;
  ExpandLabel(suite_, secret_, "key", {key.data(), size});
  ExpandLabel(suite_, secret_, "iv", iv_);
  EVP_CipherInit_ex(cipher_, nullptr, nullptr, key.data(), nullptr, seals_ ? 1 : 0);
  OPENSSL_cleanse(key.data(), key.size());
}

void TrafficKey::Update() {
  TrafficSecret next;
  next.size = secret_.size;
  ExpandLabel(suite_, secret_, "traffic upd", {next.bytes.data(), next.size});
  secret_ = next;
  MakeKey();
}

bool TrafficKey::Begin(std::span<const unsigned char> header) {
  std::array<unsigned char, 12> nonce = iv_;
  for (size_t i = 0; i < 8; ++i) nonce[4 + i] ^= static_cast<unsigned char>(secret_.sequence >> (56 - 8 * i));
  ++secret_.sequence;
  int size = 0;
  return EVP_CipherInit_ex(cipher_, nullptr, nullptr, nullptr, nonce.data(), seals_ ? 1 : 0) == 1 &&
         EVP_CipherUpdate(cipher_, nullptr, &size, header.data(), static_cast<int>(header.size())) == 1;
}

bool TrafficKey::Add(const char* from, size_t size, char* to) {
  int written = 0;
  return EVP_CipherUpdate(cipher_, reinterpret_cast<unsigned char*>(to), &written,
                          reinterpret_cast<const unsigned char*>(from), static_cast<int>(size)) == 1 &&
         static_cast<size_t>(written) == size;
}

bool TrafficKey::MakeTag(char* tag) {
  int size = 0;
  return EVP_CipherFinal_ex(cipher_, reinterpret_cast<unsigned char*>(tag), &size) == 1 &&
         EVP_CIPHER_CTX_ctrl(cipher_, EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag) == 1;
}

bool TrafficKey::CheckTag(const char* tag) {
  int size = 0;
  unsigned char nothing[kTagBytes];
  return EVP_CIPHER_CTX_ctrl(cipher_, EVP_CTRL_AEAD_SET_TAG, kTagBytes, const_cast<char*>(tag)) == 1 &&
         EVP_CipherFinal_ex(cipher_, nothing, &size) == 1;
}

}  // namespace pillion::tls
