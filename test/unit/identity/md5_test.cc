#include "source/identity/md5.h"

#include <gtest/gtest.h>

namespace pillion::identity {
namespace {

TEST(Md5, KnownTexts) {  // RFC 1321, A.5
  EXPECT_EQ(Md5Hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(Md5Hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
}

}  // namespace
}  // namespace pillion::identity
