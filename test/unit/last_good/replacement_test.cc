#include "source/last_good/replacement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "test/unit/last_good/folder.h"

namespace pillion::last_good {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ReplacementTest : public testing::Test {
 protected:
  absl::Status Write(const std::string& bytes) {
    Replacement file(path_, "magic");
    file.Append(bytes);
    return file.Commit();
  }

  const Folder folder_;
  const std::string path_ = folder_ / "state";
};

TEST_F(ReplacementTest, TheNewInPlaceOfTheOld) {
  ASSERT_TRUE(Write("magic 1").ok());
  EXPECT_EQ(ReadAll(path_), "magic 1");
  struct stat info;
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  const std::string large = "magic" + std::string(3'000'000, 'x');
  ASSERT_TRUE(Write(large).ok());
  EXPECT_EQ(ReadAll(path_), large);
  EXPECT_THAT(folder_.Names(), ElementsAre("state"));
}

TEST_F(ReplacementTest, WhatIsNotCommittedIsGone) {
  ASSERT_TRUE(Write("magic 1").ok());
  {
    Replacement file(path_, "magic");
    file.Append("magic 2");
    EXPECT_EQ(file.size(), 7u);
  }
  EXPECT_EQ(ReadAll(path_), "magic 1");
  EXPECT_THAT(folder_.Names(), ElementsAre("state"));
}

TEST_F(ReplacementTest, WhatADeadProcessLeft) {
  WriteAll(path_ + ".new", "half of a");
  ASSERT_TRUE(Write("magic 1").ok());
  EXPECT_THAT(folder_.Names(), ElementsAre("state"));
}

TEST_F(ReplacementTest, NothingElseIsReplaced) {
  for (const std::string& other : {std::string("magi"), std::string("admin: {}"), std::string(10, '\0')}) {
    WriteAll(path_, other);
    EXPECT_EQ(Write("magic 1").message(), path_ + ": is no file of last good state, and is left as it is");
    EXPECT_EQ(ReadAll(path_), other);
  }
  WriteAll(path_, "");  // as a disk that was full may leave it
  EXPECT_TRUE(Write("magic 1").ok());
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_THAT(std::string(Write("magic 1").message()), HasSubstr("is no file of last good state"));
  EXPECT_THAT(folder_.Names(), ElementsAre("state"));
}

TEST_F(ReplacementTest, WhereThereIsNoFolder) {
  Replacement file(folder_ / "none/state", "magic");
  file.Append("magic");
  EXPECT_THAT(std::string(file.Commit().message()), HasSubstr("none/state.new: cannot be made"));
}

TEST_F(ReplacementTest, WhereThereIsNoRoom) {
  ASSERT_TRUE(Write("magic 1").ok());
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit little{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &little), 0);
  const absl::Status status = Write("magic" + std::string(5000, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(std::string(status.message()), HasSubstr("state.new: cannot be written"));
  EXPECT_EQ(ReadAll(path_), "magic 1");
  EXPECT_THAT(folder_.Names(), ElementsAre("state"));
}

TEST_F(ReplacementTest, AnotherProcessAtTheSamePlace) {
  Replacement mine(path_, "magic");
  mine.Append("magic mine");
  {
    Replacement other(path_, "magic");
    other.Append("magic other");
    EXPECT_THAT(std::string(mine.Commit().message()), HasSubstr("written by another process"));
    ASSERT_TRUE(other.Commit().ok());
  }
  EXPECT_EQ(ReadAll(path_), "magic other");
  EXPECT_THAT(folder_.Names(), ElementsAre("state"));
}

}  // namespace
}  // namespace pillion::last_good
