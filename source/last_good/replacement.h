#pragma once

// A file that takes the place of another one once it is whole: who opens the path sees the old one or the new one, also
// after the machine has lost its power. Nobody but its user may read it. Waits for the disk.

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace pillion::last_good {

class Replacement {
 public:
  // The new one lies beside `path` until it is whole: PATH.new. What is at `path` must begin with `magic`, or be empty, or
  // not be there: nothing else is replaced.
  Replacement(std::string path, std::string_view magic);
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  // What was not committed is gone.
  ~Replacement();

  // After an error: nothing.
  void Append(std::string_view bytes);
  // Of whatever went wrong first; the path stands in front.
  absl::Status Commit();

  size_t size() const { return size_; }

 private:
  void Fail(const std::string& what, int error);
  void CheckOld(std::string_view magic);
  void Flush();
  void SyncFolder();

  const std::string path_;
  const std::string new_path_;
  int descriptor_ = -1;
  std::string buffer_;
  size_t size_ = 0;
  absl::Status status_;
};

}  // namespace pillion::last_good
