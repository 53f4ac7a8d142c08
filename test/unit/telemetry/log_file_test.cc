#include "source/telemetry/log_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace pillion::telemetry {
namespace {

std::string Read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class LogFileTest : public ::testing::Test {
 protected:
  LogFileTest() {
    std::string pattern = ::testing::TempDir() + "log_file_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/access.log";
  }

  std::unique_ptr<LogFile> Open(size_t workers = 1) {
    absl::StatusOr<std::unique_ptr<LogFile>> file = LogFile::OpenPath(path_, workers, counts_);
    EXPECT_TRUE(file.ok()) << file.status();
    return file.ok() ? *std::move(file) : nullptr;
  }

  LogWriterCounts counts_;
  std::string directory_;
  std::string path_;
};

TEST_F(LogFileTest, RingTakesWholeLinesAroundItsEnd) {
  const auto ring = std::make_unique<LogRing>();
  const std::string line(LogRing::kCapacity / 3 + 1, 'x');
  EXPECT_TRUE(ring->Append(line));
  EXPECT_TRUE(ring->Append(line));
  EXPECT_FALSE(ring->Append(line));
  EXPECT_EQ(ring->size(), 2 * line.size());
  ring->Consume(line.size());
  EXPECT_TRUE(ring->Append(std::string(line.size() - 1, 'y') + "\n"));
  const auto pending = ring->Pending();
  EXPECT_EQ(std::string(pending[0]) + std::string(pending[1]), line + std::string(line.size() - 1, 'y') + "\n");
  EXPECT_FALSE(pending[1].empty());
}

TEST_F(LogFileTest, AppendsToWhatIsThere) {
  std::ofstream(path_) << "old\n";
  const std::unique_ptr<LogFile> file = Open(2);
  EXPECT_TRUE(file->Append(1, "b\n"));
  EXPECT_TRUE(file->Append(0, "a\n"));
  EXPECT_EQ(file->pending(), 4u);
  EXPECT_EQ(file->Write(), LogFile::Progress::kDone);
  EXPECT_EQ(Read(path_), "old\na\nb\n");
  EXPECT_EQ(file->pending(), 0u);
  EXPECT_EQ(counts_.writes_completed, 2u);
}

TEST_F(LogFileTest, OpenErrorNamesThePath) {
  path_ = directory_ + "/none/access.log";
  const auto file = LogFile::OpenPath(path_, 1, counts_);
  EXPECT_EQ(file.status().message(), "cannot open \"" + path_ + "\" for appending: No such file or directory");
}

TEST_F(LogFileTest, ReopenFollowsARotation) {
  const std::unique_ptr<LogFile> file = Open();
  EXPECT_TRUE(file->Append(0, "before\n"));
  file->Write();
  rename(path_.c_str(), (path_ + ".1").c_str());
  EXPECT_TRUE(file->Append(0, "between\n"));
  file->Write();
  file->Reopen();
  EXPECT_TRUE(file->Append(0, "after\n"));
  file->Write();
  EXPECT_EQ(Read(path_ + ".1"), "before\nbetween\n");
  EXPECT_EQ(Read(path_), "after\n");
}

TEST_F(LogFileTest, FailedReopenKeepsTheOldFile) {
  const std::unique_ptr<LogFile> file = Open();
  const std::string moved = directory_ + "_moved";
  ASSERT_EQ(rename(directory_.c_str(), moved.c_str()), 0);
  file->Reopen();
  EXPECT_EQ(counts_.reopens_failed, 1u);
  EXPECT_TRUE(file->Append(0, "kept\n"));
  file->Write();
  EXPECT_EQ(Read(moved + "/access.log"), "kept\n");
}

// hostile-inputs O3: no space. Lines wait in the ring, then are refused; writing goes on when there is space
// again.
TEST_F(LogFileTest, NoSpaceThenSpace) {
  ASSERT_EQ(symlink("/dev/full", path_.c_str()), 0);
  const std::unique_ptr<LogFile> file = Open();
  const std::string line(1023, 'x');
  size_t taken = 0;
  while (file->Append(0, line + "\n")) ++taken;
  EXPECT_EQ(taken, LogRing::kCapacity / 1024);
  EXPECT_EQ(file->Write(), LogFile::Progress::kFailed);
  EXPECT_EQ(counts_.writes_failed, 1u);
  EXPECT_FALSE(file->Append(0, line + "\n"));

  ASSERT_EQ(unlink(path_.c_str()), 0);
  file->Reopen();
  EXPECT_EQ(file->Write(), LogFile::Progress::kDone);
  EXPECT_EQ(Read(path_).size(), taken * 1024);
  EXPECT_TRUE(file->Append(0, "again\n"));
  EXPECT_EQ(file->Write(), LogFile::Progress::kDone);
  EXPECT_TRUE(Read(path_).ends_with("x\nagain\n"));
}

// A pipe that nobody reads: the writer does not wait, and a line that stopped in the middle goes on before all
// others.
TEST_F(LogFileTest, FullPipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  LogFile file(ends[1], 2, counts_);
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string line = std::string(999, static_cast<char>('a' + i % 26)) + "\n";
    ASSERT_TRUE(file.Append(1, line));
    expected += line;
  }
  EXPECT_EQ(file.Write(), LogFile::Progress::kBlocked);
  ASSERT_TRUE(file.Append(0, "other worker\n"));
  expected += "other worker\n";
  std::string read_back;
  for (int round = 0; round < 1000 && read_back.size() < expected.size(); ++round) {
    char bytes[50'000];
    const ssize_t got = read(ends[0], bytes, sizeof bytes);
    ASSERT_GT(got, 0);
    read_back.append(bytes, static_cast<size_t>(got));
    file.Write();
  }
  EXPECT_EQ(read_back, expected);
  EXPECT_EQ(counts_.writes_failed, 0u);
  close(ends[0]);
  close(ends[1]);
}

// After a rotation the rest of a torn line stays away from the new file.
TEST_F(LogFileTest, TornLineDoesNotGoOnInANewFile) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const int reader = open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  const std::unique_ptr<LogFile> file = Open();
  ASSERT_TRUE(file->Append(0, std::string(100'000, 'x') + "\n"));
  ASSERT_TRUE(file->Append(0, "whole\n"));
  EXPECT_EQ(file->Write(), LogFile::Progress::kBlocked);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  file->Reopen();
  EXPECT_EQ(file->Write(), LogFile::Progress::kDone);
  EXPECT_EQ(Read(path_), "whole\n");
  close(reader);
}

TEST_F(LogFileTest, FifoWithoutReaderIsAnError) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(LogFile::OpenPath(path_, 1, counts_).ok());
}

}  // namespace
}  // namespace pillion::telemetry
