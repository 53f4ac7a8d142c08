// Plays every .txt file of this folder as a test of its name; byte by byte as a second one.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "test/cases/case.h"

namespace pillion::test {
namespace {

constexpr char kFolder[] = "test/cases";

class CaseTest : public testing::Test {
 public:
  CaseTest(std::filesystem::path path, bool split) : path_(std::move(path)), split_(split) {}

  void TestBody() override {
    std::ifstream file(path_);
    std::ostringstream text;
    text << file.rdbuf();
    const Case c = ParseCase(path_.string(), text.str());
    if (HasFailure()) return;
    if (split_ && !c.split) GTEST_SKIP() << "played at once only";
    PlayCase(path_.string(), c, split_);
  }

 private:
  const std::filesystem::path path_;
  const bool split_;
};

size_t RegisterAll() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& file : files) {
    for (const bool split : {false, true}) {
      testing::RegisterTest(split ? "CaseByteByByte" : "Case", file.stem().c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [file, split]() -> CaseTest* { return new CaseTest(file, split); });
    }
  }
  return files.size();
}

}  // namespace
}  // namespace pillion::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (pillion::test::RegisterAll() == 0) {
    std::fputs("no cases found\n", stderr);
    return 1;
  }
  return RUN_ALL_TESTS();
}
