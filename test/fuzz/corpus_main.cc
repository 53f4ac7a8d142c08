// Runs a fuzz target over the files of a corpus, and over mutations of them, always the same ones.
//
//   TARGET [--mutations=N] FILE_OR_FOLDER...
//
// A file called SEEDS stands for the folder that it is in.

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

// Some of what goes wrong on the way: bytes lost, doubled, changed, and pieces of other inputs.
std::string Mutate(std::string input, const std::vector<std::string>& corpus, std::mt19937& random) {
  const auto below = [&](size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random); };
  constexpr std::string_view kTelling = "\r\n\r\n\t :;,=0159afF\x00\x7f\x80\xff/#?@[]";
  for (size_t changes = 1 + below(4); changes > 0 && !input.empty(); --changes) {
    const size_t at = below(input.size());
    const size_t size = 1 + below(std::min<size_t>(input.size() - at, 40));
    switch (below(7)) {
      case 0:
        input[at] = static_cast<char>(random());
        break;
      case 1:
        input[at] = kTelling[below(kTelling.size())];
        break;
      case 2:
        input.insert(at, 1, kTelling[below(kTelling.size())]);
        break;
      case 3:
        input.erase(at, size);
        break;
      case 4:
        input.insert(below(input.size()), input.substr(at, size));
        break;
      case 5:
        input.resize(at);
        break;
      case 6: {
        const std::string& other = corpus[below(corpus.size())];
        if (other.empty()) break;
        const size_t from = below(other.size());
        input.insert(at, other.substr(from, 1 + below(200)));
        break;
      }
    }
  }
  return input;
}

// The input that is running, for whoever finds that it failed.
std::string* current = nullptr;

void Report(int) {
  char path[] = "/tmp/fuzz-failure-XXXXXX";
  const int file = mkstemp(path);
  if (file >= 0 && current != nullptr && write(file, current->data(), current->size()) >= 0) {
    std::fprintf(stderr, "the input is in %s\n", path);
  }
}

}  // namespace

int main(int argc, char** argv) {
  size_t mutations = 200;
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("--mutations=")) {
      mutations = std::strtoull(argv[i] + 12, nullptr, 10);
      continue;
    }
    std::filesystem::path path = argument;
    if (path.filename() == "SEEDS") path = path.parent_path();
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().filename() != "SEEDS") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    std::fprintf(stderr, "%s: no corpus\n", argv[0]);
    return 1;
  }
  std::vector<std::string> corpus;
  for (const std::filesystem::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  std::signal(SIGABRT, Report);
  std::mt19937 random(1);
  std::string input;
  current = &input;
  for (size_t i = 0; i < corpus.size(); ++i) {
    input = corpus[i];
    Run(input);
    for (size_t m = 0; m < mutations; ++m) {
      input = Mutate(corpus[i], corpus, random);
      Run(input);
    }
  }
  std::printf("%zu inputs, %zu mutations of each\n", corpus.size(), mutations);
  return 0;
}
