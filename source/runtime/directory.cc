#include "source/runtime/directory.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "source/runtime/value.h"

namespace pillion::runtime {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 16;
constexpr size_t kMostFiles = 100'000;
constexpr uintmax_t kLargestFile = 64 * 1024;

// Without comments and what is blank at the end.
absl::StatusOr<std::string> ReadText(const fs::path& path) {
  std::error_code error;
  if (fs::file_size(path, error) > kLargestFile || error) {
    return absl::InvalidArgumentError(
        absl::StrCat(path.string(), ": ", error ? error.message() : "more than 64 KiB, too much for a value"));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with('#')) absl::StrAppend(&text, line, "\n");
  }
  if (file.bad()) return absl::UnavailableError(absl::StrCat(path.string(), ": can't be read"));
  absl::StripTrailingAsciiWhitespace(&text);
  return text;
}

absl::Status Read(const fs::path& directory, const std::string& prefix, int depth, Keys::Values& values) {
  if (depth > kDeepest) return absl::InvalidArgumentError(absl::StrCat(directory.string(), ": too deep"));
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string key = prefix + entries->path().filename().string();
    std::error_code unknown;  // a link that leads nowhere is neither
    if (entries->is_directory(unknown)) {
      if (absl::Status status = Read(entries->path(), key + ".", depth + 1, values); !status.ok()) return status;
    } else if (entries->is_regular_file(unknown)) {
      absl::StatusOr<std::string> text = ReadText(entries->path());
      if (!text.ok()) return text.status();
      if (values.size() >= kMostFiles) return absl::InvalidArgumentError("more than 100000 files");
      values.insert_or_assign(key, ParseValue(*text));
    }
  }
  if (error) return absl::UnavailableError(absl::StrCat(directory.string(), ": ", error.message()));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Keys::Values> ReadDirectory(const std::string& path) {
  Keys::Values values;
  std::error_code error;
  if (!fs::is_directory(path, error)) return values;
  if (absl::Status status = Read(path, "", 0, values); !status.ok()) return status;
  return values;
}

}  // namespace pillion::runtime
