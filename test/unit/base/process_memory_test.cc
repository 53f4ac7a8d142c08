#include "source/base/process_memory.h"

#include <gtest/gtest.h>

#include <string>

namespace pillion::base {
namespace {

TEST(ProcessMemory, WhatIsGivenBackComesBack) {
  std::string text = "before";
  const uint64_t before = ResidentBytes();
  ASSERT_GT(before, 0u);
  GiveBackMemory();
  text += " and after";
  EXPECT_EQ(text, "before and after");
  EXPECT_GT(ResidentBytes(), 0u);
}

}  // namespace
}  // namespace pillion::base
