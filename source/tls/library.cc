#include "source/tls/library.h"

#include <malloc.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "source/base/check.h"

namespace pillion::tls {
namespace {

// A record buffer is 16 KiB and what its header, padding and alignment need. All others go to malloc.
constexpr size_t kLeast = 16 * 1024;
constexpr size_t kBuffer = 18 * 1024;
constexpr size_t kKept = 16;

// Of one thread. Trivial, so that it may be used until the thread's very end.
struct Recycled {
  void* buffers[kKept];
  size_t count;
  bool ended;  // nothing is kept any more
};
thread_local Recycled recycled;

// Gives back what is kept when its thread ends.
struct Keeper {
  ~Keeper() {
    recycled.ended = true;
    while (recycled.count > 0) std::free(recycled.buffers[--recycled.count]);
  }
  void Begin() const {}
};
thread_local Keeper keeper;

void* Allocate(size_t size, const char*, int) {
  if (size < kLeast || size > kBuffer) [[likely]] return size == 0 ? nullptr : std::malloc(size);
  if (recycled.count > 0) return recycled.buffers[--recycled.count];
  return std::malloc(kBuffer);
}

void Free(void* memory, const char*, int) {
  if (memory == nullptr) return;
  const size_t size = malloc_usable_size(memory);
  if (size >= kBuffer && size < kBuffer + 64 && recycled.count < kKept && !recycled.ended) {
    keeper.Begin();  // makes it, the first time
    recycled.buffers[recycled.count++] = memory;
    return;
  }
  std::free(memory);
}

void* Reallocate(void* memory, size_t size, const char* file, int line) {
  if (memory == nullptr) return Allocate(size, file, line);
  if (size == 0) {
    Free(memory, file, line);
    return nullptr;
  }
  return std::realloc(memory, size);
}

// OpenSSL's default provider with fewer decoders. It is loaded into a library context of its own, which is never freed, and
// serves all other contexts from there.
class FewDecoders {
 public:
  static int Init(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** calls, void** context) {
    const FewDecoders& self = Get();
    *calls = self.calls_.data();
    *context = OSSL_PROVIDER_get0_provider_ctx(self.all_);
    return 1;
  }

 private:
  FewDecoders() : all_(OSSL_PROVIDER_load(OSSL_LIB_CTX_new(), "default")) {
    PILLION_CHECK(all_ != nullptr);
    for (const OSSL_DISPATCH* call = OSSL_PROVIDER_get0_dispatch(all_); call->function_id != 0; ++call) {
      if (call->function_id == OSSL_FUNC_PROVIDER_TEARDOWN) continue;
      calls_.push_back(*call);
      if (call->function_id == OSSL_FUNC_PROVIDER_QUERY_OPERATION) {
        calls_.back().function = reinterpret_cast<void (*)()>(Query);
      }
    }
    calls_.push_back({0, nullptr});
    int unused = 0;
    const OSSL_ALGORITHM* each = OSSL_PROVIDER_query_operation(all_, OSSL_OP_DECODER, &unused);
    for (; each->algorithm_names != nullptr; ++each) {
      if (IsWanted(*each)) decoders_.push_back(*each);
    }
    decoders_.push_back({nullptr, nullptr, nullptr, nullptr});
  }

  static const FewDecoders& Get() {
    static const FewDecoders* const self = new FewDecoders;
    return *self;
  }

  static bool IsWanted(const OSSL_ALGORITHM& decoder) {
    // Names are separated by colons, the first one is the usual one.
    const std::string_view names = decoder.algorithm_names;
    const std::string_view name = names.substr(0, names.find(':'));
    const std::string_view properties = decoder.property_definition;
    const auto has = [properties](std::string_view property) { return properties.find(property) != properties.npos; };
    if (name == "DER") return true;  // out of PEM, or of what is encrypted
    constexpr std::string_view kKinds[] = {"EC", "RSA", "RSA-PSS", "ED25519", "ED448"};
    return std::ranges::find(kKinds, name) != std::end(kKinds) &&
           (has("SubjectPublicKeyInfo") || has("PrivateKeyInfo") || has("type-specific"));
  }

  static const OSSL_ALGORITHM* Query(void*, int operation, int* no_store) {
    const FewDecoders& self = Get();
    if (operation != OSSL_OP_DECODER) return OSSL_PROVIDER_query_operation(self.all_, operation, no_store);
    *no_store = 0;
    return self.decoders_.data();
  }

  OSSL_PROVIDER* const all_;
  std::vector<OSSL_DISPATCH> calls_;
  std::vector<OSSL_ALGORITHM> decoders_;
};

}  // namespace

void PrepareLibrary() {
  CRYPTO_set_mem_functions(Allocate, Reallocate, Free);
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  PILLION_CHECK(OSSL_PROVIDER_add_builtin(nullptr, "pillion", FewDecoders::Init) == 1);
  static const OSSL_PROVIDER* const loaded = OSSL_PROVIDER_load(nullptr, "pillion");  // for good
  PILLION_CHECK(loaded != nullptr);
}

}  // namespace pillion::tls
