#include "source/identity/md5.h"

#include <openssl/evp.h>

#include <array>

namespace pillion::identity {

std::string Md5Hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned int size = 0;
  // A library that keeps to FIPS has none: then there is no fingerprint either.
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, EVP_md5(), nullptr) != 1) return {};
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * size);
  for (unsigned int i = 0; i < size; ++i) {
    hex += kDigits[bytes[i] >> 4];
    hex += kDigits[bytes[i] & 15];
  }
  return hex;
}

}  // namespace pillion::identity
