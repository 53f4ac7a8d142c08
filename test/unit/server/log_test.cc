#include "source/server/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace pillion::server {
namespace {

std::string LevelOf(const std::string& name) {
  for (const auto& [logger, level] : LogLevels()) {
    if (logger == name) return level;
  }
  return "";
}

class LogTest : public testing::Test {
 protected:
  LogTest() {
    const char* folder = std::getenv("TEST_TMPDIR");
    path_ = std::string(folder != nullptr ? folder : "/tmp") + "/log-" + std::to_string(getpid());
    std::filesystem::remove(path_);
  }
  ~LogTest() override { std::filesystem::remove(path_); }

  std::string Written() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }

  std::string path_;
};

TEST_F(LogTest, LevelsByComponent) {
  ASSERT_TRUE(
      SetUpLog({.level = "error", .components = {{"upstream", "debug"}}, .format = "%n %l %v", .path = path_})
          .ok());
  EXPECT_EQ(LevelOf("main"), "error");
  EXPECT_EQ(LevelOf("upstream"), "debug");
  Log("main").warn("not this");
  Log("upstream").debug("this");
  EXPECT_EQ(Written(), "upstream debug this\n");

  ASSERT_TRUE(SetLogLevel("main", "info").ok());
  EXPECT_EQ(LevelOf("main"), "info");
  EXPECT_EQ(LevelOf("http2"), "error");
  ASSERT_TRUE(SetLogLevel("", "off").ok());
  Log("main").critical("nor this");
  EXPECT_EQ(Written(), "upstream debug this\n");
}

TEST_F(LogTest, RefusesUnknownNames) {
  EXPECT_EQ(SetLogLevel("upstraem", "info").message(), "unknown logger 'upstraem', did you mean \"upstream\"?");
  EXPECT_FALSE(SetLogLevel("main", "loud").ok());
  EXPECT_FALSE(SetUpLog({.path = "/proc/nothing/log"}).ok());
}

TEST_F(LogTest, EscapesMessages) {
  ASSERT_TRUE(SetUpLog({.format = "%v", .escaped = true, .path = path_}).ok());
  Log("main").info("a\nb\"c\\");
  SetLogFormat("%v|%_|%j", false);
  Log("main").info("a\tb");
  EXPECT_EQ(Written(), "a\\nb\\\"c\\\\\na\tb|a\\tb|a\\tb\n");
}

}  // namespace
}  // namespace pillion::server
