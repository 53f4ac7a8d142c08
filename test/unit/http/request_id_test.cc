#include "source/http/request_id.h"

#include <gtest/gtest.h>

#include <string>

namespace pillion::http {
namespace {

TEST(RequestId, IsAUuidOfVersion4) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  base::Random random(1);
  const std::string one(MakeRequestId(arena, random));
  EXPECT_NE(one, MakeRequestId(arena, random));
  ASSERT_EQ(one.size(), 36u);
  for (size_t i = 0; i < one.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    EXPECT_EQ(one[i] == '-', dash) << i;
    EXPECT_TRUE(dash || std::string("0123456789abcdef").find(one[i]) != std::string::npos) << i;
  }
  EXPECT_EQ(one[14], '4');
  EXPECT_NE(std::string("89ab").find(one[19]), std::string::npos);
}

TEST(RequestId, SaysWhetherItsRequestIsTraced) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  base::Random random(1);
  for (const char mark : {'4', '9', 'a', 'b'}) EXPECT_EQ(TraceMarkOf(MakeRequestId(arena, random, mark)), mark);
  for (const char* id : {"", "9", "7b2d4a34-0d9c-ca0e-8a37-2f4c5d6e7f80", "7b2d4a34-0d9c09a0e-8a37-2f4c5d6e7f80",
                         "7b2d4a34-0d9c-9a0e-8a37-2f4c5d6e7f80-"}) {
    EXPECT_EQ(TraceMarkOf(id), '4') << id;
  }
}

}  // namespace
}  // namespace pillion::http
