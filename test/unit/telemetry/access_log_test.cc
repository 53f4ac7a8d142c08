// Workers log while the writer thread writes. Meant for ThreadSanitizer and AddressSanitizer.

#include "source/telemetry/access_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

namespace pillion::telemetry {
namespace {

constexpr std::chrono::hours kNever{1};

std::string Read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

uint64_t Value(stats::Registry& stats, std::string_view name) {
  for (const stats::Snapshot::Number& number : stats.Read().numbers) {
    if (number.description->name() == name) return number.counter + static_cast<uint64_t>(number.gauge);
  }
  ADD_FAILURE() << name;
  return 0;
}

class AccessLogTest : public ::testing::Test {
 protected:
  AccessLogTest() {
    std::string pattern = ::testing::TempDir() + "access_log_XXXXXX";
    path_ = std::string(mkdtemp(pattern.data())) + "/access.log";
  }

  std::unique_ptr<AccessLog> Create(LogWriter& writer, std::string format) {
    std::vector<std::string> errors;
    std::unique_ptr<AccessLog> log = AccessLog::Create(
        {FileLogSink{path_}, TextLogFormat{std::move(format)}}, writer, errors);
    EXPECT_TRUE(errors.empty()) << errors.at(0);
    return log;
  }

  stats::Registry stats_{2};
  std::string path_;
};

TEST_F(AccessLogTest, LinesOfAllWorkersArriveWholeAndInOrder) {
  constexpr uint64_t kLines = 5000;
  LogWriter writer(stats_, kNever);
  const std::unique_ptr<AccessLog> log =
      Create(writer, "%CONNECTION_ID% %BYTES_SENT% some more text to fill the line\n");
  std::vector<std::thread> workers;
  for (size_t worker = 0; worker < 2; ++worker) {
    workers.emplace_back([&, worker] {
      RequestRecord record;
      record.connection_id = worker;
      for (uint64_t i = 0; i < kLines; ++i) {
        record.bytes_sent = i;
        log->Log(worker, record);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  writer.Flush();

  const uint64_t taken = Value(stats_, "filesystem.write_buffered");
  EXPECT_EQ(taken + Value(stats_, "filesystem.write_dropped"), 2 * kLines);
  EXPECT_EQ(Value(stats_, "filesystem.write_total_buffered"), 0u);
  EXPECT_GE(Value(stats_, "filesystem.write_completed"), 1u);
  std::istringstream lines(Read(path_));
  uint64_t seen = 0;
  int64_t last[2] = {-1, -1};
  for (std::string line; std::getline(lines, line); ++seen) {
    size_t worker = 9;
    int64_t number = -1;
    int end = 0;
    ASSERT_EQ(sscanf(line.c_str(), "%zu %ld some more text to fill the line%n", &worker, &number, &end), 2)
        << line;
    ASSERT_EQ(static_cast<size_t>(end), line.size()) << line;
    ASSERT_LT(worker, 2u);
    EXPECT_GT(number, last[worker]);
    last[worker] = number;
  }
  EXPECT_EQ(seen, taken);
}

TEST_F(AccessLogTest, LogsWithTheSamePathShareTheFile) {
  LogWriter writer(stats_, kNever);
  const std::unique_ptr<AccessLog> first = Create(writer, "1\n");
  const std::unique_ptr<AccessLog> second = Create(writer, "2\n");
  first->Log(0, {});
  second->Log(0, {});
  first->Log(0, {});
  writer.Flush();
  EXPECT_EQ(Read(path_), "1\n2\n1\n");
}

TEST_F(AccessLogTest, ReopenAndEndWriteEverything) {
  {
    LogWriter writer(stats_, kNever);
    const std::unique_ptr<AccessLog> log = Create(writer, "line\n");
    log->Log(0, {});
    writer.Flush();
    rename(path_.c_str(), (path_ + ".1").c_str());
    writer.Reopen();
    writer.Flush();
    log->Log(1, {});
  }
  EXPECT_EQ(Read(path_ + ".1"), "line\n");
  EXPECT_EQ(Read(path_), "line\n");
}

TEST_F(AccessLogTest, ALogThatEndsBeforeItsLinesAreWrittenLosesNone) {
  LogWriter writer(stats_, kNever);
  Create(writer, "line\n")->Log(0, {});
  writer.Flush();
  EXPECT_EQ(Read(path_), "line\n");
}

TEST_F(AccessLogTest, TheFlushIntervalWrites) {
  LogWriter writer(stats_, std::chrono::milliseconds(1));
  const std::unique_ptr<AccessLog> log = Create(writer, "line\n");
  log->Log(0, {});
  while (Value(stats_, "filesystem.write_total_buffered") > 0) std::this_thread::yield();
  EXPECT_EQ(Read(path_), "line\n");
}

TEST_F(AccessLogTest, ALineThatIsTooLongIsDroppedAndCounted) {
  LogWriter writer(stats_, kNever);
  const std::unique_ptr<AccessLog> log = Create(writer, "%ROUTE_NAME%\n");
  const std::string name(AccessLog::kLongestLine, 'x');
  RequestRecord record;
  record.route_name = name;
  log->Log(0, record);
  record.route_name = "short";
  log->Log(0, record);
  writer.Flush();
  EXPECT_EQ(Read(path_), "short\n");
  EXPECT_EQ(Value(stats_, "filesystem.write_dropped"), 1u);
}

// A target that takes nothing costs lines, never time, and the writer can still end.
TEST_F(AccessLogTest, BlockedTargetDropsAndCounts) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  {
    LogWriter writer(stats_, kNever);
    LogFile* file = writer.OpenDescriptor(ends[1]);
    const std::string line = std::string(999, 'x') + "\n";
    int taken = 0;
    while (file->Append(0, line)) ++taken;
    writer.Flush();  // as much as the pipe holds
    while (file->Append(0, line)) ++taken;
    EXPECT_GE(taken, static_cast<int>(LogRing::kCapacity / 1000));
    EXPECT_LT(taken, static_cast<int>(2 * LogRing::kCapacity / 1000));
  }
  close(ends[0]);
  close(ends[1]);
}

TEST_F(AccessLogTest, ErrorsAreReported) {
  LogWriter writer(stats_, kNever);
  std::vector<std::string> errors;
  EXPECT_EQ(AccessLog::Create({FileLogSink{"/none/x"}, {}}, writer, errors), nullptr);
  EXPECT_EQ(AccessLog::Create({FileLogSink{path_}, TextLogFormat{"%X%"}}, writer, errors),
            nullptr);
  EXPECT_EQ(errors, (std::vector<std::string>{"cannot open \"/none/x\" for appending: No such file or directory",
                                              "text_format: byte 0: unknown operator %X%"}));
}

}  // namespace
}  // namespace pillion::telemetry
