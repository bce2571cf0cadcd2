// soupvec.so: the setting soupvec.isa and the guard that a session holds one version of the library only.
//
// Loaded by the first versioned library of a session, or by shared_preload_libraries; both work alike.
// Everything here is plain C in C++ clothes: no object with a destructor, so ereport may jump freely.
#include "loader/soupvec_loader.hpp"
#include "loader/held_version.hpp"

namespace soup::loader {
namespace {

int isa_setting = static_cast<int>(Isa::automatic);
const VectorLibrary* library = nullptr;

const config_enum_entry isa_names[] = {
    {"auto", static_cast<int>(Isa::automatic), false}, {"scalar", static_cast<int>(Isa::scalar), false},
    {"ssse3", static_cast<int>(Isa::ssse3), false},    {"avx2", static_cast<int>(Isa::avx2), false},
    {"avx512", static_cast<int>(Isa::avx512), false},  {nullptr, 0, false}};

/// Without the library nobody can tell; register_library asks again.
bool check_isa(int* wanted, void**, GucSource) {
    if (library == nullptr || library->isa_available(static_cast<Isa>(*wanted))) return true;
    GUC_check_errdetail("This machine's processor lacks the instruction set.");
    return false;
}

void assign_isa(int wanted, void*) {
    if (library != nullptr) library->isa_changed(static_cast<Isa>(wanted));
}

void register_library(const VectorLibrary* arriving) {
    require_same_version("soupvec", library != nullptr ? library->version : nullptr, arriving->version);
    Isa wanted = static_cast<Isa>(isa_setting);
    if (!arriving->isa_available(wanted)) {
        ereport(WARNING, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("setting soupvec.isa names an instruction set that this machine's processor lacks"),
                errdetail("The best available set is used."));
        wanted = Isa::automatic;
    }
    library = arriving;
    library->isa_changed(wanted);
}

constexpr VectorLoader loader{sizeof(VectorLoader), SOUP_VERSION, register_library};

} // namespace
} // namespace soup::loader

SOUP_MODULE_INIT() {
    using namespace soup::loader;
    soup::pg::call([] {
        DefineCustomEnumVariable("soupvec.isa", "Sets the instruction set of the distance kernels.",
                                 "\"auto\" takes the best that the processor has.", &isa_setting,
                                 static_cast<int>(Isa::automatic), isa_names, PGC_SUSET, 0, check_isa,
                                 assign_isa, nullptr);
        MarkGUCPrefixReserved("soupvec");
        *find_rendezvous_variable(vector_rendezvous) = const_cast<VectorLoader*>(&loader);
    });
}
