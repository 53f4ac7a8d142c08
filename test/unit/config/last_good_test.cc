// Where last good state is kept.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "source/config/load.h"
#include "source/config/read_file.h"

namespace pillion::config {
namespace {

using testing::HasSubstr;

Loaded Load(const std::string& fields, int times = 1) {
  const std::string one = "{name: a, typed_config: {'@type': type.googleapis.com/pillion.bootstrap.last_good.v1.LastGood, " +
                          fields + "}}";
  return LoadText("bootstrap_extensions: [" + one + (times > 1 ? ", " + one : "") + "]\n");
}
std::string Errors(const std::string& fields, int times = 1) {
  std::string text;
  for (const ConfigError& error : Load(fields, times).errors) text += ErrorText("", error) + "\n";
  return text;
}

TEST(LastGoodTest, WhatIsSaid) {
  const std::string path = testing::TempDir() + "/state";
  const Loaded little = Load("path: " + path);
  ASSERT_NE(little.bootstrap, nullptr);
  EXPECT_EQ(little.bootstrap->last_good->path, path);
  EXPECT_FALSE(little.bootstrap->last_good->include_secrets);
  EXPECT_EQ(little.bootstrap->last_good->silent_after, std::chrono::seconds(5));
  const Loaded all = Load("path: state, include_secrets: true, silent_after: 0.5s");
  ASSERT_NE(all.bootstrap, nullptr);
  EXPECT_TRUE(all.bootstrap->last_good->include_secrets);
  EXPECT_EQ(all.bootstrap->last_good->silent_after, std::chrono::milliseconds(500));
  EXPECT_FALSE(LoadText("admin: {}\n").bootstrap->last_good);
}

TEST(LastGoodTest, WhatIsWrong) {
  const std::string place = "bootstrap_extensions[0].typed_config";
  EXPECT_THAT(Errors("include_secrets: true"), HasSubstr(place + ".path"));
  for (const std::string path : {"/usr/", "/usr/none/state"}) {
    EXPECT_THAT(Errors("path: " + path), HasSubstr(place + ".path: \"" + path + "\", expected a file in a folder that is there"));
  }
  EXPECT_THAT(Errors("path: state, silent_after: 0s"), HasSubstr(place + ".silent_after"));
  EXPECT_THAT(Errors("path: state", 2), HasSubstr("a second LastGood, expected one"));
}

TEST(LastGoodTest, AFileOfSomebodyElse) {
  const std::string path = testing::TempDir() + "/owned";
  std::ofstream(path) << "mine";
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(ReadOwnFile(path, 100).value(), "mine");
  std::filesystem::permissions(path, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  EXPECT_THAT(std::string(ReadOwnFile(path, 100).status().message()), HasSubstr("has mode 0604"));
  // One of root's, or of nobody's where these tests are root's.
  std::string other = "/etc/passwd";
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
    other = path;
  }
  EXPECT_THAT(std::string(ReadOwnFile(other, 1 << 20).status().message()), HasSubstr("who this process runs as"));
}

}  // namespace
}  // namespace pillion::config
