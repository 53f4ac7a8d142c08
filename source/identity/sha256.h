#pragma once

// SHA-256 of what comes piece by piece.

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

namespace pillion::identity {

class Sha256 {
 public:
  static constexpr size_t kHexSize = 64;

  Sha256();

  void Update(std::string_view bytes);
  // In hexadecimal, lower case. Once.
  std::string Hex();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace pillion::identity
