#include "source/server/certificates.h"

#include <gtest/gtest.h>

#include "test/support/certificates.h"

namespace pillion::server {
namespace {

TEST(Certificates, OverdueAtHalfOfTheirLife) {
  const test::Issued issued = test::IssueCertificate({.begins_s = -100, .ends_s = 300});
  const absl::Time begin = identity::NotBefore(issued.certificate());
  EXPECT_FALSE(IsOverdue(issued.certificate(), begin));
  EXPECT_FALSE(IsOverdue(issued.certificate(), begin + absl::Seconds(199)));
  EXPECT_TRUE(IsOverdue(issued.certificate(), begin + absl::Seconds(200)));
  EXPECT_TRUE(IsOverdue(issued.certificate(), begin + absl::Seconds(500)));
}

}  // namespace
}  // namespace pillion::server
