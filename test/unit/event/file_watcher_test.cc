#include "source/event/file_watcher.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace pillion::event {
namespace {

namespace fs = std::filesystem;

class FileWatcherTest : public testing::Test {
 public:
  FileWatcherTest() : folder(fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(folder);
    fs::create_directories(folder);
  }

  void Write(const std::string& name) const { std::ofstream(folder / name) << "x"; }
  void Replace(const std::string& name) const {
    Write("beside");
    fs::rename(folder / "beside", folder / name);
  }
  std::unique_ptr<FileWatch> Watch(const std::string& name, int& count) {
    auto watch = files.WatchFile(folder / name, [&count] { ++count; });
    EXPECT_TRUE(watch.ok()) << watch.status();
    return watch.ok() ? *std::move(watch) : nullptr;
  }
  // What the kernel has told is there to be read when the call that did it has returned.
  void Poll() {
    io.restart();
    io.poll();
  }

  const fs::path folder;
  boost::asio::io_context io;
  FileWatcher files{io};
};

TEST_F(FileWatcherTest, AFileThatIsReplaced) {
  int one = 0, two = 0;
  const auto first = Watch("one", one);
  const auto second = Watch("two", two);
  Poll();
  EXPECT_EQ(one + two, 0);
  Replace("one");
  Poll();
  EXPECT_EQ(one, 1);
  EXPECT_EQ(two, 0);
  Write("one");  // in place: it may be half there
  Poll();
  EXPECT_EQ(one, 1);
  Replace("two");
  Replace("two");  // told of once
  Poll();
  EXPECT_EQ(two, 1);
}

TEST_F(FileWatcherTest, ALinkInADirectory) {
  int count = 0;
  const auto watch = files.WatchDirectory(folder, [&count] { ++count; });
  ASSERT_TRUE(watch.ok());
  fs::create_symlink("nowhere", folder / "..new");
  fs::rename(folder / "..new", folder / "..data");
  Poll();
  EXPECT_EQ(count, 1);
}

// As `ln -sfn TARGET beside && mv -T beside NAME` does.
TEST_F(FileWatcherTest, LinksOnTheWayToAFile) {
  const auto lead = [&](const std::string& name, const std::string& target) {
    fs::create_symlink(target, folder / "beside");
    fs::rename(folder / "beside", folder / name);
  };
  for (const char* version : {"v1", "v2"}) {
    fs::create_directories(folder / "versions" / version);
    Write(std::string("versions/") + version + "/file");
  }
  fs::create_directories(folder / "from");
  lead("now", folder / "versions/v1");
  fs::create_symlink("../now", folder / "from" / "link");
  int of_file = 0, of_directory = 0;
  const auto file = Watch("from/link/file", of_file);
  const auto directory = files.WatchDirectory(folder / "from/link", [&] { ++of_directory; });
  ASSERT_TRUE(directory.ok());
  lead("now", "versions/v2");
  Poll();
  EXPECT_EQ(of_file, 1);
  EXPECT_EQ(of_directory, 1);
  Replace("versions/v1/file");  // where it led before
  Poll();
  EXPECT_EQ(of_file, 1);
  EXPECT_EQ(of_directory, 1);
  Replace("versions/v2/file");
  Poll();
  EXPECT_EQ(of_file, 2);
  EXPECT_EQ(of_directory, 2);
  lead("now", "versions/none");
  lead("now", "versions/v1");
  Poll();
  EXPECT_EQ(of_file, 3);
  Replace("versions/v1/file");
  Poll();
  EXPECT_EQ(of_file, 4);
  // Made anew, not renamed.
  fs::remove(folder / "from/link");
  fs::create_symlink("../versions/v2", folder / "from/link");
  Poll();
  EXPECT_EQ(of_file, 5);
  EXPECT_EQ(of_directory, 5);
}

TEST_F(FileWatcherTest, ALinkThatLeadsNowhereYet) {
  fs::create_symlink("none/file", folder / "link");
  int count = 0;
  const auto watch = Watch("link", count);
  Replace("link");
  Poll();
  EXPECT_EQ(count, 1);
  fs::create_symlink("round", folder / "round");
  const auto round = Watch("round", count);
  Replace("round");
  Poll();
  EXPECT_EQ(count, 2);
}

TEST_F(FileWatcherTest, WhoHasEndedIsNotTold) {
  int one = 0, again = 0;
  auto watch = Watch("one", one);
  const auto other = Watch("one", again);
  watch.reset();
  Replace("one");
  Poll();
  EXPECT_EQ(one, 0);
  EXPECT_EQ(again, 1);
}

TEST_F(FileWatcherTest, OneMayEndAnother) {
  int count = 0;
  std::unique_ptr<FileWatch> second;
  const auto first = files.WatchFile(folder / "one", [&] { second.reset(); });
  second = Watch("one", count);
  Replace("one");
  Poll();
  EXPECT_EQ(count, 0);
}

TEST_F(FileWatcherTest, WhatCannotBeWatched) {
  const auto watch = files.WatchFile(folder / "none" / "file", [] {});
  ASSERT_FALSE(watch.ok());
  EXPECT_NE(watch.status().message().find("none: No such file or directory"), absl::string_view::npos);
}

}  // namespace
}  // namespace pillion::event
